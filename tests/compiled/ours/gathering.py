"""Every operation that is written down in this repository: examples, documents, tests."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

from onsale.graphql.documents import read_document
from onsale.graphql_schema import graphql_schema

ROOT = Path(__file__).parents[3]
FOLDERS = ("web/graphiql/operations", "docs", "tests", "bench", "examples", "onsale")
#: Built from pieces when the module is imported, as their f-strings say.
MODULES = ("tests.graphql.test_reserving_and_buying", "tests.graphql.test_refusals")
QUOTED = re.compile(r'`([^`]*)`|"""(.*?)"""|\'([^\'\n]*)\'|"([^"\n]*)"', re.DOTALL)
FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TYPED = re.compile(r"<<'?END'?[^\n]*\n(.*?)\nEND$", re.DOTALL | re.MULTILINE)


@cache
def gathered() -> list[str]:
    """Give each document once that is valid on our schema, in the order of the files."""
    found = dict.fromkeys(text.strip() for path in _files() for text in _texts(path))
    found.update(dict.fromkeys(text.strip() for text in _constants()))
    schema = graphql_schema._schema
    return [text for text in found if "{" in text and not read_document(schema, text).errors]


def _files() -> Iterator[Path]:
    yield ROOT / "README.md"
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.*")):
            if "node_modules" not in path.parts and path.parent != Path(__file__).parent:
                yield path


def _texts(path: Path) -> Iterator[str]:
    """Give what may be a document in a file."""
    if path.suffix == ".graphql":
        yield path.read_text(encoding="utf-8")
    elif path.suffix == ".md":
        text = path.read_text(encoding="utf-8")
        yield from FENCED.findall(text)
        yield from TYPED.findall(text)
    elif path.suffix in {".mjs", ".js", ".ts"}:
        for groups in QUOTED.findall(path.read_text(encoding="utf-8")):
            yield from groups
    elif path.suffix == ".py":
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _constants() -> Iterator[str]:
    for name in MODULES:
        yield from (text for text in vars(import_module(name)).values() if isinstance(text, str))
