"""Compare schema/schema.graphql with the schema that was last released: `make check` does so."""

from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from tests.schema_linting.changes import judge

SCHEMAS = Path(__file__).parents[2] / "schema"
RELEASED, CURRENT = SCHEMAS / "released.graphql", SCHEMAS / "schema.graphql"


def main() -> int:
    """Tell of dangerous changes, and fail for those that break a promise."""
    released, current = (path.read_text(encoding="utf-8") for path in (RELEASED, CURRENT))
    verdict = judge(released, current, today=datetime.now(UTC).date())
    console = Console(highlight=False, soft_wrap=True)
    for danger in verdict.dangers:
        console.print(f"Worth a second look since the last release: {danger}", markup=False)
    for fault in verdict.faults:
        console.print(f"schema/schema.graphql: {fault}", markup=False)
    return 1 if verdict.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
