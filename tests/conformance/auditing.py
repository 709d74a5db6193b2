"""What graphql-cop 1.15 looks for, in words of ours: its twelve checks and one that it forgot.

Each gives whether the server shows the weakness; the names are those of its report.
"""

from collections.abc import Callable
from typing import Any

import httpx

Check = Callable[[httpx.Client], bool]
INTROSPECTION = "Introspection"
GET_QUERIES = "GET Method Query Support"
IDE = "GraphQL IDE"
WORDS_OF_IDES = ("graphiql.min.css", "GraphQL Playground", "GraphiQL", "graphql-playground")


def findings(url: str) -> set[str]:
    """Audit the server behind this URL."""
    with httpx.Client(base_url=url) as client:
        return {name for name, is_weak in CHECKS.items() if is_weak(client)}


def _post(client: httpx.Client, query: str, **more: Any) -> Any:
    return client.post("/graphql", json={"query": query, **more}).json()


def _data(payload: Any) -> dict[str, Any]:
    """Give what was answered, if anything was."""
    return (payload.get("data") or {}) if isinstance(payload, dict) else {}


def _aliases(client: httpx.Client) -> bool:
    query = "query { " + " ".join(f"alias{number}: __typename" for number in range(101)) + " }"
    return "alias100" in _data(_post(client, query))


def _batches(client: httpx.Client) -> bool:
    answer = client.post("/graphql", json=[{"query": "query { __typename }"}] * 10).json()
    return isinstance(answer, list)


def _directives(client: httpx.Client) -> bool:
    """Ten unknown directives that are complained of one by one were all looked at."""
    payload = _post(client, "query { __typename " + "@aa" * 10 + " }")
    return len(payload["errors"]) == 10


def _circular_introspection(client: httpx.Client) -> bool:
    query = "{ __schema { types { " + "fields { type { " * 4 + "name" + " } }" * 4 + " } } }"
    return bool(_data(_post(client, query)))


def _circular_fragments(client: httpx.Client) -> bool:
    query = (
        "query { __schema { ...A } } fragment A on __Schema { __typename ...B }"
        " fragment B on __Schema { ...A }"
    )
    return "errors" not in _post(client, query)


def _duplicated_fields(client: httpx.Client) -> bool:
    return bool(_data(_post(client, "query { " + "__typename \n" * 500 + "}")))


def _introspection(client: httpx.Client) -> bool:
    return bool(_data(_post(client, "query { __schema { types { name fields { name } } } }")))


def _suggestions(client: httpx.Client) -> bool:
    return "Did you mean" in str(_post(client, "query { __schema { directive } }"))


def _get_queries(client: httpx.Client) -> bool:
    answer = client.get("/graphql", params={"query": "query { __typename }"})
    return "__typename" in _data(answer.json())


def _get_mutations(client: httpx.Client) -> bool:
    answer = client.get("/graphql", params={"query": "mutation { __typename }"})
    return "__typename" in _data(answer.json())


def _forms(client: httpx.Client) -> bool:
    """A form of a foreign page may be sent without asking; so nothing that one can send may run."""
    mutation = {"query": "mutation { __typename }"}
    answers = [
        client.post("/graphql", params=mutation),
        client.post("/graphql", data=mutation),
        client.post("/graphql", content=b'{"query":"mutation { __typename }"}'),
    ]
    return any(_data(answer.json()) for answer in answers)


def _traces(client: httpx.Client) -> bool:
    payload = _post(client, "query { __typename }")
    extensions = payload.get("extensions", {})
    return "tracing" in extensions or "exception" in extensions or "stacktrace" in str(payload)


def _unhandled_errors(client: httpx.Client) -> bool:
    errors = _post(client, "qwerty cop { abc }")["errors"]
    return any("exception" in error.get("extensions", {}) for error in errors)


def _ide(client: httpx.Client) -> bool:
    answers = [
        client.get(path, headers={"accept": "text/html"}, follow_redirects=True)
        for path in ("/graphiql", "/playground", "/console", "/graphql")
    ]
    return any(
        answer.is_success and word in answer.text for answer in answers for word in WORDS_OF_IDES
    )


CHECKS: dict[str, Check] = {
    "Alias Overloading": _aliases,
    "Array-based Query Batching": _batches,
    "Directive Overloading": _directives,
    "Introspection-based Circular Query": _circular_introspection,
    "Circular Fragment": _circular_fragments,
    "Field Duplication": _duplicated_fields,
    INTROSPECTION: _introspection,
    "Field Suggestions": _suggestions,
    GET_QUERIES: _get_queries,
    "Mutation is allowed over GET": _get_mutations,
    "POST based url-encoded query": _forms,
    "Trace Mode": _traces,
    "Unhandled Errors Detection": _unhandled_errors,
    IDE: _ide,
}
