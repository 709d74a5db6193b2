"""`make docs`: a reference of the API to be read anywhere, made from its schema (R21)."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from graphql import build_schema, is_introspection_type

from docs.reference.__main__ import build
from tests.servers import ROOT

SCHEMA = build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))


class Page(HTMLParser):
    """What a page links to, what it would load, and what it can be linked at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.anchors.add(str(given["id"]))
        if tag == "a":
            self.links.append(given.get("href") or "")
        else:
            self.loads += [str(given[name]) for name in ("src", "href", "srcset") if name in given]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    """Make the reference, and read all its pages."""
    folder: Path = tmp_path_factory.mktemp("reference")
    build(folder)
    return {page.name: Page(page.read_text(encoding="utf-8")) for page in folder.glob("*.html")}


def test_r21_everything_of_the_schema_has_its_place_in_the_reference(
    reference: dict[str, Page],
) -> None:
    for name, named in SCHEMA.type_map.items():
        if not is_introspection_type(named):
            parts = set(getattr(named, "fields", {})) | set(getattr(named, "values", {}))
            assert parts <= reference[f"{name}.html"].anchors


def test_r21_every_link_of_the_reference_leads_somewhere(reference: dict[str, Page]) -> None:
    lost = [
        (name, link)
        for name, page in reference.items()
        for link in page.links
        if not link.startswith("https://") and not leads_somewhere(reference, name, link)
    ]

    assert lost == []


def leads_somewhere(reference: dict[str, Page], page: str, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = reference.get(name or page)
    return target is not None and (not anchor or anchor in target.anchors)


def test_r21_the_reference_loads_nothing_but_its_own_files(reference: dict[str, Page]) -> None:
    loaded = {place for page in reference.values() for place in page.loads}

    assert loaded == {"style.css", "names.js", "search.js"}
    for own in ("style.css", "search.js"):
        text = (ROOT / "docs" / "reference" / own).read_text(encoding="utf-8")
        assert "//" not in text.replace("// ", "")
        assert "url(" not in text


def test_r21_the_reference_shows_the_operations_of_the_readme(tmp_path: Path) -> None:
    build(tmp_path)

    shown = (tmp_path / "Mutation.html").read_text(encoding="utf-8")
    assert shown.count('<pre class="example">') >= 4
    assert "purchaseReservation(input:" in shown
