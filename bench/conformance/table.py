"""What was found, for people: the table of docs/conformance.md, and each failure in one line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bench.conformance.servers import Judged
from bench.processes import ROOT, BenchError
from tests.conformance.programs import FAILED, NOT_APPLICABLE, PASSED, Check, Suite

PAGE = ROOT / "docs" / "conformance.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"

#: The suites by the names of the program, and what people call them.
SUITES = {
    "audits": "HTTP audits",
    "probes": "WebSocket probes",
    "websocketClient": "graphql-ws client",
    "sseClient": "graphql-sse client",
    "urql": "urql",
    "urqlOverSse": "urql, event streams",
    "apollo": "Apollo Client",
}
WHY_CHARACTERS_MAX = 160


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all suites found about a server."""

    server: Judged
    suites: dict[str, Suite]


def write_page(verdicts: Sequence[Verdict], began_at: datetime, node: str) -> None:
    """Put what was found between the marks of the page. Raises BenchError without marks."""
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise BenchError(f"{PAGE.name} has lost the marks of its table.")
    found = "\n\n".join(
        [_circumstances(verdicts, began_at, node), _table(verdicts), *_failures(verdicts)]
    )
    PAGE.write_text(f"{before}{begin}\n{found}\n\n{end}{after}")


def _circumstances(verdicts: Sequence[Verdict], began_at: datetime, node: str) -> str:
    made_of = [f"* **{verdict.server.name}**: {verdict.server.made_of}" for verdict in verdicts]
    return "\n".join([f"Found on {began_at:%Y-%m-%d}, Node.js {node}:\n", *made_of])


def _table(verdicts: Sequence[Verdict]) -> str:
    heading = ["", *(verdict.server.name for verdict in verdicts)]
    rows = [
        [title, *(_score(verdict.suites[suite]) for verdict in verdicts)]
        for suite, title in SUITES.items()
    ]
    ruler = ["---", *("---:" for _ in verdicts)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [heading, ruler, *rows])


def _score(suite: Suite) -> str:
    """Count what was passed of what could be asked."""
    outcomes = [check.outcome for check in suite.values()]
    passed, asked = outcomes.count(PASSED), len(outcomes) - outcomes.count(NOT_APPLICABLE)
    return f"**{passed}/{asked}**" if passed == asked else f"{passed}/{asked}"


def _failures(verdicts: Sequence[Verdict]) -> list[str]:
    """Give each failure in a line; what a server has in common with an earlier one, only once."""
    told: dict[tuple[str, ...], str] = {}
    paragraphs = []
    for verdict in verdicts:
        paragraphs.append(f"### Failures: {verdict.server.name}")
        for suite, title in SUITES.items():
            for outcome, heading in ((FAILED, title), (NOT_APPLICABLE, f"{title}, not asked")):
                lines = tuple(_lines(verdict.suites[suite], outcome))
                if lines in told:
                    paragraphs.append(f"{heading}: as {told[lines]}.")
                elif lines:
                    told[lines] = verdict.server.name
                    paragraphs.append("\n".join([f"{heading}:\n", *lines]))
        if paragraphs[-1].startswith("###"):
            paragraphs.append("None.")
    return paragraphs


def _lines(suite: Suite, outcome: str) -> list[str]:
    return [_line(check) for check in suite.values() if check.outcome == outcome]


def _line(check: Check) -> str:
    why = re.sub(r"([|<>*_])", r"\\\1", (check.why or "").partition(" at ")[0])
    shown = why if len(why) <= WHY_CHARACTERS_MAX else f"{why[:WHY_CHARACTERS_MAX]}…"
    return f"* {check.name.replace('*', chr(92) + '*')}: {shown}"
