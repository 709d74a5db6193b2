"""Where our code says which code an error has, read from its source."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from tests.servers import ROOT

PACKAGES = ("onsale", "resolvers", "schema", "subscriptions", "box_office")


@cache
def trees() -> tuple[tuple[Path, ast.Module], ...]:
    """Read every module of ours."""
    paths = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return tuple((path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths)


def used_codes() -> set[str]:
    """Name the members of ErrorCode that are used outside of their own definition."""
    return {
        node.attr
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "ErrorCode"
    }


def codes_from_nowhere(tree: ast.AST) -> Iterator[str]:
    """Find codes that are written as a text, past the closed list."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            yield from _texts_under(zip(node.keys, node.values, strict=True))
        elif isinstance(node, ast.Call):
            yield from _texts_under((ast.Constant(word.arg), word.value) for word in node.keywords)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            yield from _texts_under([(node.targets[0].slice, node.value)])


def _texts_under(pairs: Iterable[tuple[ast.expr | None, ast.expr]]) -> Iterator[str]:
    for key, value in pairs:
        is_code = isinstance(key, ast.Constant) and key.value == "code"
        if is_code and isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value
        elif is_code and isinstance(value, ast.JoinedStr):
            yield ast.unparse(value)
