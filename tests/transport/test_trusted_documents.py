"""Documents known by their hash: over every transport, as clients ask, and in locked mode."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from onsale.app import create_app
from onsale.graphql.trusted_documents import TrustedDocuments, hash_of, read_manifest
from onsale.settings import Settings, StartError
from tests.transport.test_http import GRAPHQL_RESPONSE, code_of, post
from tests.transport.test_websocket import opened
from tests.transport.tiny import TinyServer, tiny_server

HELLO = "query Hello($name: String!) { hello(name: $name) }"
COUNT = "subscription { numbers(to: 2) { value } }"
FINISH = "mutation { startGuestSession }"
KNOWN = {hash_of(text): text for text in (HELLO, COUNT, FINISH)}
APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [
        {"id": hash_of(HELLO), "name": "Hello", "type": "query", "body": HELLO},
    ],
}


def by_hash(text: str, **more: Any) -> dict[str, Any]:
    """Ask as Apollo's and urql's clients do."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_of(text)}}, **more}


async def asked(server: TinyServer, body: dict[str, Any]) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url) as client:
        return await post(client, body)


async def test_a_known_document_runs_by_its_hash_over_post_get_sockets_and_streams() -> None:
    variables = {"name": "Ann"}
    async with (
        tiny_server(TrustedDocuments(KNOWN)) as server,
        httpx.AsyncClient(base_url=server.url) as client,
        opened(server) as socket,
    ):
        posted = await post(client, by_hash(HELLO, variables=variables))
        extensions = json.dumps(by_hash(HELLO)["extensions"])
        parameters = {"extensions": extensions, "variables": json.dumps(variables)}
        got = await client.get("/graphql", params=parameters)
        streamed = await post(client, by_hash(COUNT), accept="text/event-stream")
        await socket.initialise()
        await socket.send({"id": "a", "type": "subscribe", "payload": by_hash(COUNT)})
        messages = [await socket.receive() for _ in range(3)]

    assert posted.json()["data"] == got.json()["data"] == {"hello": "hello Ann"}
    assert streamed.text.count("event: next") == 2
    assert [message["type"] for message in messages] == ["next", "next", "complete"]


async def test_an_unknown_hash_is_answered_as_clients_expect_who_then_send_the_document() -> None:
    text = "{ hello }"
    async with tiny_server(TrustedDocuments(KNOWN)) as server:
        unknown = await asked(server, by_hash(text))
        whole = await asked(server, by_hash(text, query=text))
    async with tiny_server() as server:
        without_manifest = await asked(server, by_hash(text))

    assert code_of(unknown) == "PERSISTED_QUERY_NOT_FOUND"
    assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert whole.json()["data"] == {"hello": "hello world"}
    assert code_of(without_manifest) == "PERSISTED_QUERY_NOT_SUPPORTED"
    assert without_manifest.json()["errors"][0]["message"] == "PersistedQueryNotSupported"


async def test_an_unknown_hash_is_an_error_of_its_operation_on_a_socket() -> None:
    async with tiny_server(TrustedDocuments(KNOWN)) as server, opened(server) as socket:
        await socket.initialise()
        await socket.send({"id": "a", "type": "subscribe", "payload": by_hash("{ hello }")})
        message = await socket.receive()
        answer = await socket.answer("{ hello }")

    assert message["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    assert answer["data"] == {"hello": "hello world"}


async def test_a_hash_of_another_document_is_refused() -> None:
    async with tiny_server(TrustedDocuments(KNOWN)) as server:
        refused = await asked(server, by_hash(HELLO, query="{ hello }"))

    assert code_of(refused) == "BAD_REQUEST"


@pytest.mark.parametrize("persisted", ["x", 5, [], {}, {"sha256Hash": 5}, {"sha256Hash": None}])
async def test_a_hash_of_a_wrong_shape_is_a_bad_request(persisted: Any) -> None:
    async with tiny_server(TrustedDocuments(KNOWN)) as server:
        refused = await asked(server, {"extensions": {"persistedQuery": persisted}})

    assert (refused.status_code, code_of(refused)) == (400, "BAD_REQUEST")


async def test_in_locked_mode_only_known_documents_run_however_they_are_sent() -> None:
    async with (
        tiny_server(TrustedDocuments(KNOWN, locked=True)) as server,
        httpx.AsyncClient(base_url=server.url) as client,
        opened(server) as socket,
    ):
        await socket.initialise()
        by_text = await post(client, {"query": FINISH})
        others = [
            await post(client, {"query": text}, accept=GRAPHQL_RESPONSE)
            for text in ("{ hello }", HELLO + " ", "{ __schema { types { name } } }", "{")
        ]
        got = await client.get("/graphql", params={"query": "{ hello }"})
        await socket.subscribe("a", "{ hello }")
        message = await socket.receive()

    assert by_text.json()["data"]
    for refused in others:
        assert (refused.status_code, code_of(refused)) == (400, "DOCUMENT_NOT_TRUSTED")
    assert code_of(got) == "DOCUMENT_NOT_TRUSTED"
    assert message["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"


async def test_without_introspection_neither_it_nor_a_hint_tells_of_the_schema() -> None:
    async with tiny_server(introspection=False) as server:
        answers = [
            await asked(server, {"query": text})
            for text in (
                "{ __schema { queryType { name } } }",
                '{ a: __type(name: "Query") { name } }',
                "query A { ...F } fragment F on Query { __schema { queryType { name } } }",
                "{ helo }",
                "{ hello(nam: 1) }",
                "query($n: Strin) { hello(name: $n) }",
            )
        ]
        typename = await asked(server, {"query": "{ __typename hello }"})

    for answer in answers:
        assert code_of(answer) == "GRAPHQL_VALIDATION_FAILED"
        assert "Did you mean" not in answer.text
        assert "data" not in answer.json()
    assert typename.json()["data"] == {"__typename": "Query", "hello": "hello world"}


@pytest.mark.parametrize(
    "manifest", [KNOWN, APOLLO, {f"sha256:{name}": text for name, text in KNOWN.items()}]
)
def test_manifests_of_either_form_are_read(tmp_path: Path, manifest: dict[str, Any]) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))

    documents = read_manifest(path)

    assert documents[hash_of(HELLO)] == HELLO


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (None, "No such file"),
        ("{", "JSON"),
        ("[]", "must be a JSON object"),
        ('{"a": 5}', "must be strings"),
        ('{"operations": [5]}', "must have an `id` and a `body`"),
        ('{"operations": [{"id": "x"}]}', "must have an `id` and a `body`"),
        ('{"abc": "{ viewer { id } }"}', "is not the SHA-256"),
        (json.dumps({hash_of("{ nothing }"): "{ nothing }"}), "Cannot query field 'nothing'"),
        (json.dumps({hash_of("{"): "{"}), "Syntax Error"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_told_at_the_start(
    tmp_path: Path, manifest: str | None, words: str
) -> None:
    path = tmp_path / "manifest.json"
    if manifest is not None:
        path.write_text(manifest)
    settings = Settings.read(trusted_documents=path, data_dir=tmp_path)

    with pytest.raises(StartError, match="ONSALE_TRUSTED_DOCUMENTS") as fault:
        create_app(settings)

    assert words in str(fault.value)
    assert str(path) in str(fault.value)


def test_locked_to_nothing_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONSALE_LOCKED", "on")

    with pytest.raises(StartError, match="ONSALE_TRUSTED_DOCUMENTS"):
        Settings.read()
