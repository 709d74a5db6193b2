"""Make the reference: `python -m docs.reference [FOLDER]`, by default docs/reference/build."""

import json
import shutil
import sys
from pathlib import Path

from graphql import build_schema

from docs.reference.examples import examples
from docs.reference.markup import first_sentence
from docs.reference.pages import Pages
from docs.reference.places import Places

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCHEMA, ERRORS = ROOT / "schema" / "schema.graphql", ROOT / "docs" / "errors.md"
BUILD = HERE / "build"
#: Files that are part of the site as they are.
ASSETS = ("style.css", "search.js")


def build(folder: Path = BUILD) -> None:
    """Write the whole site into a folder, which is made, or emptied of an earlier site first."""
    places = Places(build_schema(SCHEMA.read_text(encoding="utf-8")))
    pages = Pages(places, examples())
    files = {
        "index.html": pages.front(),
        "errors.html": pages.errors(ERRORS.read_text(encoding="utf-8")),
        "names.js": f"const NAMES = {json.dumps(names(places), ensure_ascii=False)};\n",
        **{f"{name}.html": pages.of_type(named) for name, named in places.types.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.html"):
        old.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in ASSETS:
        shutil.copy(HERE / name, folder / name)


def names(places: Places) -> list[tuple[str, str, str]]:
    """List what can be searched for: its name, its place, and a sentence."""
    types = {name: named.description or "" for name, named in places.types.items()}
    return [
        (name, places.find(name) or "", first_sentence(words))
        for name, words in sorted((types | places.parts).items())
    ]


if __name__ == "__main__":
    build(*(Path(folder) for folder in sys.argv[1:2]))
