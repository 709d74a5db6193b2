"""The schema is a product: linted, and never broken without notice (R21, R26)."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tests.schema_linting.changes import judge
from tests.schema_linting.deprecations import months_after
from tests.servers import ROOT

SDL = (ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8")
LINTERS = ROOT / "tests" / "schema_linting"
BINARIES = LINTERS / "node_modules" / ".bin"
TODAY = date(2026, 11, 21)


@pytest.fixture
def linters() -> dict[str, str]:
    """Give the environment in which the linters of others run."""
    if not (BINARIES / "eslint").exists():
        missing = "THE SCHEMA'S LINTERS ARE NOT RUN HERE: `make check` installs them"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    places = (str(Path(sys.executable).parent), str(BINARIES), os.environ["PATH"])
    return os.environ | {"PATH": os.pathsep.join(places)}


def looked_at(
    command: list[str], folder: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program that finds faults."""
    return subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True
    )


def lint(schema: Path, environment: dict[str, str]) -> str:
    """Run both linters over a schema, as `make check` does; gives what they found."""
    config = LINTERS / "eslint.config.js"
    found = [
        looked_at(command, schema.parents[1], environment)
        for command in (
            ["graphql-schema-linter", "--format", "compact", "schema/schema.graphql"],
            ["eslint", "--config", str(config), "schema/schema.graphql"],
        )
    ]
    return "".join(run.stdout + run.stderr for run in found if run.returncode)


def test_r21_the_linters_of_others_find_nothing(linters: dict[str, str]) -> None:
    assert lint(ROOT / "schema" / "schema.graphql", linters) == ""


def test_r21_the_linters_of_others_find_what_is_wrong(
    linters: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "schema").mkdir()
    planted = tmp_path / "schema" / "schema.graphql"
    planted.write_text(
        SDL.replace(
            "type Venue implements Node {",
            "type Venue implements Node {\n  title: String\n  ZIP: String",
        )
        + '"""What nobody can ask for."""\nenum Nothing { "It." lower }\n'
    )

    found = lint(planted, linters)

    for rule in (
        "fields-have-descriptions",
        "fields-are-camel-cased",
        "type-fields-sorted-alphabetically",
        "enum-values-all-caps",
        "@graphql-eslint/require-description",
        "@graphql-eslint/naming-convention",
        "@graphql-eslint/no-unreachable-types",
    ):
        assert rule in found


def test_r21_the_schema_breaks_no_promise_of_the_last_release() -> None:
    look = looked_at([sys.executable, "-m", "tests.schema_linting"], ROOT)

    assert look.returncode == 0, look.stdout + look.stderr


OLD = """
interface Node { id: ID! }
union Told = Venue | Event
enum Status { ON OFF }
input Filter { city: String, word: String! }
type Venue implements Node { id: ID!, city: String! }
type Event implements Node { id: ID!, title: String!, note: String, status: Status! }
type Query { events(filter: Filter, first: Int = 20): [Event!]!, told: Told }
"""


@pytest.mark.parametrize(
    ("was", "became"),
    [
        ("note: String, ", ""),
        ("title: String!", "title: String"),
        ("note: String,", "note: Int,"),
        ("{ ON OFF }", "{ ON }"),
        ("= Venue | Event", "= Event"),
        ("city: String,", "city: String, zip: String!,"),
        (", first: Int = 20", ""),
        (", first: Int = 20", ", first: Int = 20, last: Int!"),
        ("(filter: Filter,", "(filter: Filter!,"),
        ("Venue implements Node", "Venue"),
        ("enum Status { ON OFF }", "scalar Status"),
    ],
)
def test_r21_what_breaks_clients_is_found(was: str, became: str) -> None:
    assert was in OLD

    verdict = judge(OLD, OLD.replace(was, became), TODAY)

    assert [fault for fault in verdict.faults if "breaks clients" in fault]


@pytest.mark.parametrize(
    ("was", "became"),
    [
        ("{ ON OFF }", "{ ON OFF LATER }"),
        ("= Venue | Event", "= Venue | Event | Query"),
        ("city: String,", "city: String, zip: String,"),
        ("first: Int = 20", "first: Int = 50"),
    ],
)
def test_r21_what_may_surprise_clients_is_told_and_allowed(was: str, became: str) -> None:
    verdict = judge(OLD, OLD.replace(was, became), TODAY)

    assert verdict.faults == []
    assert len(verdict.dangers) == 1


def test_r21_what_only_joins_is_no_news() -> None:
    verdict = judge(OLD, OLD.replace("note:", "subtitle: String, note:"), TODAY)

    assert (verdict.faults, verdict.dangers) == ([], [])


# R26: what is to go is told in time, and stays until then.

SAID = "Ask for `title`. Deprecated on 2026-05-01, removed on 2026-11-01 or later."
EARLY = SAID.replace("2026-11-01", "2027-05-01")


def deprecating(reason: str | None) -> str:
    """Give the schema with its note deprecated."""
    directive = "@deprecated" if reason is None else f'@deprecated(reason: "{reason}")'
    return OLD.replace("note: String", f"note: String {directive}")


WITHOUT = OLD.replace("note: String, ", "")


def test_r26_a_deprecation_says_what_instead_and_stays_half_a_year() -> None:
    assert judge(OLD, deprecating(SAID), TODAY).faults == []


@pytest.mark.parametrize(
    "reason",
    [
        None,
        "",
        "Old.",
        "Deprecated on 2026-05-01, removed on 2026-11-01 or later.",
        SAID.removesuffix("."),
        SAID.replace("2026-11-01", "2026-10-31"),
        SAID.replace("2026-11-01", "2026-02-30"),
        SAID.replace("2026-11-01", "soon"),
        SAID.replace("Deprecated", "deprecated"),
    ],
)
def test_r26_any_other_wording_or_a_shorter_time_is_a_fault(reason: str | None) -> None:
    (fault,) = judge(OLD, deprecating(reason), TODAY).faults

    assert fault.startswith("Event.note")


def test_r26_everything_that_can_be_deprecated_is_looked_at() -> None:
    bad = '@deprecated(reason: "Old.")'
    schema = (
        OLD.replace("ON OFF", f"ON OFF {bad}")
        .replace("first: Int = 20", f"first: Int = 20 {bad}")
        .replace("city: String,", f"city: String {bad},")
    )

    places = {fault.split(": ")[0] for fault in judge(OLD, schema, TODAY).faults}

    assert places == {"Status.OFF", "Query.events(first:)", "Filter.city"}


def test_r26_what_was_announced_in_time_may_go_on_its_day() -> None:
    assert judge(deprecating(SAID), WITHOUT, TODAY).faults == []


def test_r26_what_goes_before_its_day_is_a_fault() -> None:
    faults = judge(deprecating(EARLY), WITHOUT, TODAY).faults

    assert any("Event.note was removed before its day" in fault for fault in faults)
    assert judge(deprecating(EARLY), WITHOUT, date(2027, 5, 1)).faults == []


def test_r26_what_goes_without_a_word_is_a_fault() -> None:
    assert judge(OLD, WITHOUT, TODAY).faults == ["Field Event.note was removed. It breaks clients."]


def test_r26_what_goes_with_a_reason_but_no_date_is_a_fault() -> None:
    assert judge(deprecating("Old."), WITHOUT, TODAY).faults != []


def test_r26_a_day_that_was_promised_comes_no_sooner() -> None:
    (fault,) = judge(deprecating(EARLY), deprecating(SAID), TODAY).faults

    assert "promised to stay until 2027-05-01" in fault


def test_r26_a_type_that_was_there_only_for_what_ended_may_go_with_it() -> None:
    extra = "type Note { text: String }"
    before = deprecating(SAID).replace("note: String", "note: Note") + extra

    assert judge(before, WITHOUT, TODAY).faults == []
    assert judge(OLD + extra, OLD, TODAY).faults == ["Note was removed. It breaks clients."]


def test_r26_months_end_where_the_calendar_says() -> None:
    assert months_after(date(2026, 8, 31), 6) == date(2027, 2, 28)
    assert months_after(date(2026, 11, 21), 6) == date(2027, 5, 21)
    assert months_after(date(2027, 8, 30), 6) == date(2028, 2, 29)
