"""How the page at /graphiql is served, and what it is made of; tests/web/ opens it in a browser."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from onsale.app import create_app
from onsale.graphiql import POLICY, graphiql_routes
from onsale.graphql_schema import graphql_schema
from onsale.settings import Settings
from tests.house.programs import ROOT

PAGE = "<!doctype html><title>onsale</title>"
SCRIPT = "console.log('onsale')\n" * 100
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PROGRAM = {"accept": "*/*"}
SOURCES = ROOT / "web" / "graphiql"
OPERATIONS = sorted((SOURCES / "operations").glob("*.graphql"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a build leaves, and something beside it that is nobody's business."""
    assets = tmp_path / "dist" / "assets"
    assets.mkdir(parents=True)
    (tmp_path / "dist" / "index.html").write_text(PAGE)
    (assets / "index-C8hPE0gj.js").write_text(SCRIPT)
    (assets / "index-C8hPE0gj.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (tmp_path / "dist" / "secret.js").write_text("secret")
    return tmp_path / "dist"


async def test_the_page_lets_the_browser_ask_nobody_else_and_run_nothing_else(
    folder: Path,
) -> None:
    for path in ("/graphiql", "/graphiql/", "/graphiql/assets/index-C8hPE0gj.js"):
        answer = await get(folder, path)

        rules = dict(
            rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; ")
        )
        assert rules["default-src"] == "'none'"
        assert rules["script-src"] == rules["connect-src"] == rules["worker-src"] == "'self'"
        assert "unsafe-eval" not in POLICY
        assert "http" not in POLICY
        assert "*" not in POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_file_that_is_named_after_its_content_is_kept_for_ever_and_the_page_is_not(
    folder: Path,
) -> None:
    page = await get(folder, "/graphiql")
    script = await get(folder, "/graphiql/assets/index-C8hPE0gj.js")

    assert (page.text, page.headers["cache-control"]) == (PAGE, "no-cache")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert script.text == SCRIPT
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"


async def test_who_unpacks_is_sent_the_packed_file_and_nobody_else(folder: Path) -> None:
    path = "/graphiql/assets/index-C8hPE0gj.js"
    packed = await get(folder, path, {"accept-encoding": "br, gzip"})
    plain = await get(folder, path, {"accept-encoding": "gzip;q=0, identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(SCRIPT) / 10
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text == SCRIPT
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "name",
    ["..%2fsecret.js", "%2e%2e%5csecret.js", "../secret.js", "a%00.js", "a" * 300 + ".js", "no.js"],
)
async def test_no_name_leads_out_of_the_folder_or_breaks_anything(folder: Path, name: str) -> None:
    answer = await get(folder, f"/graphiql/assets/{name}")

    assert answer.status_code == 404


async def test_without_the_files_the_page_says_what_is_missing_and_what_to_do(
    tmp_path: Path,
) -> None:
    page = await get(tmp_path, "/graphiql", BROWSER)
    answer = await get(tmp_path, "/graphiql", PROGRAM)

    assert page.status_code == answer.status_code == 503
    assert page.headers["content-type"].startswith("text/html")
    assert "make graphiql" in page.text
    assert answer.json()["action"] == "Run: make graphiql"


async def test_a_person_is_led_to_the_page_and_a_program_is_told_where_the_api_is(
    tmp_path: Path,
) -> None:
    app = create_app(Settings.read(data_dir=tmp_path))

    person, program = await ask(app, "/", BROWSER), await ask(app, "/", PROGRAM)

    assert (person.status_code, person.headers["location"]) == (303, "/graphiql")
    assert program.json()["graphiql"] == "/graphiql"
    assert program.json()["graphql"] == "/graphql"


async def test_r27_one_setting_takes_the_page_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONSALE_GRAPHIQL", "off")
    app = create_app(Settings.read(data_dir=tmp_path))

    for path in ("/graphiql", "/graphiql/", "/graphiql/assets/index.js", "/graphiql/licences.md"):
        answer = await ask(app, path, BROWSER)
        assert (answer.status_code, list(answer.json())) == (404, ["errors"])
    welcome = await ask(app, "/", BROWSER)
    assert (welcome.status_code, "graphiql" in welcome.json()) == (200, False)


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: path.stem)
def test_every_example_is_an_operation_of_this_api(path: Path) -> None:
    document = graphql_schema.documents.read(path.read_text(encoding="utf-8"))

    assert not document.errors


def test_the_examples_are_in_the_order_of_the_story() -> None:
    assert [path.stem.partition("-")[2] for path in OPERATIONS] == [
        "browse",
        "seat-map",
        "watch",
        "reserve",
        "purchase",
        "cancel",
    ]


def test_every_version_is_pinned() -> None:
    package = json.loads((SOURCES / "package.json").read_text())

    for version in (package["dependencies"] | package["devDependencies"]).values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def test_the_types_agree() -> None:
    compiler = SOURCES / "node_modules" / "typescript" / "bin" / "tsc"
    if not compiler.exists():
        missing = "THE TYPES OF web/graphiql ARE NOT LOOKED AT: make graphiql has installed nothing"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    node = Path(sys.executable).with_name("node")

    checked = subprocess.run(
        [node, compiler], cwd=SOURCES, capture_output=True, text=True, check=False
    )

    assert checked.stdout == ""
    assert checked.returncode == 0


async def get(folder: Path, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """Ask a server that serves this folder and nothing else."""
    return await ask(Starlette(routes=graphiql_routes(folder)), path, headers or {})


async def ask(app: ASGIApp, path: str, headers: dict[str, str]) -> httpx.Response:
    """Ask an application that has not started; for what needs no database."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://onsale") as client:
        return await client.get(path, headers=headers)
