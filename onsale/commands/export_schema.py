"""`export-schema`: the API as a file, sorted, so that every change of it is seen in review."""
# ruff: noqa: PLC0415 - what is heavy is imported when it is needed: see onsale/commands/__init__.py.

from difflib import unified_diff
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from onsale.settings import StartError

SCHEMA_FILE = Path(__file__).parents[2] / "schema" / "schema.graphql"
DIFFERENT_LINES_SHOWN_MAX = 60


def export_schema(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when the file differs.")
    ] = False,
) -> None:
    """Write the API's schema to schema/schema.graphql."""
    from onsale.graphql_schema import sorted_sdl

    schema = sorted_sdl()
    if not check:
        SCHEMA_FILE.write_text(schema)
        return
    committed = SCHEMA_FILE.read_text() if SCHEMA_FILE.exists() else ""
    if committed != schema:
        for line in islice(_difference(committed, schema), DIFFERENT_LINES_SHOWN_MAX):
            typer.echo(line)
        raise StartError("schema/schema.graphql differs; run: python -m onsale export-schema")


def _difference(committed: str, schema: str) -> list[str]:
    lines = unified_diff(
        committed.splitlines(), schema.splitlines(), "committed", "this code", lineterm=""
    )
    return list(lines)
