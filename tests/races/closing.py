"""The closing tables of a race: what happened, how fast, and what every checker says."""

from collections import Counter
from statistics import quantiles
from typing import Any

from rich.table import Table

from box_office.database import Database
from tests.races.record import Action, Record, Told

REQUESTS = (
    Action.RESERVE,
    Action.RELEASE,
    Action.CANCEL,
    Action.PURCHASE,
    Action.CANCEL_ORDER,
)
EXPIRED = "SELECT count(*) FROM reservations WHERE status = 'EXPIRED'"


async def what_happened(database: Database, record: Record, attempts: int, seconds: float) -> Table:
    """Count what came of the attempts."""
    async with database.pool.acquire() as connection:
        expired = await connection.fetchval(EXPIRED)
    table = Table("What", "Count", title="The race")
    table.columns[1].justify = "right"
    table.add_row("attempts", f"{attempts:,}")
    table.add_row("seconds", f"{seconds:,.0f}")
    table.add_row("attempts a second", f"{attempts / seconds:,.0f}", end_section=True)
    for what, count in done(record).items():
        table.add_row(what, f"{count:,}")
    table.add_row("reservations expired", f"{expired:,}", end_section=True)
    for what, count in refused(record).items():
        table.add_row(what, f"{count:,}")
    return table


def done(record: Record) -> dict[str, int]:
    """Count what went as it was wished."""
    names = {
        Action.RESERVE: "reserved",
        Action.RELEASE: "released",
        Action.CANCEL: "reservations cancelled",
        Action.PURCHASE: "purchased",
        Action.CANCEL_ORDER: "orders cancelled",
        Action.APPROVE: "approved at the bank",
        Action.REFUSE: "refused at the bank",
        Action.LET_LAPSE: "left for a minute",
    }
    counted = Counter(told.action for told in record.told if not told.answer.refusals)
    return {name: counted[action] for action, name in names.items()}


def refused(record: Record) -> dict[str, int]:
    """Count the refusals by their reason."""
    counted = Counter(
        f"{told.action}: {code}" for told in record.told for code in told.answer.refusals
    )
    return dict(sorted(counted.items()))


def how_fast(record: Record) -> Table:
    """Tell how long the answers took."""
    table = Table("Request", "Answers", "p50 ms", "p99 ms", "longest ms", title="The answers")
    for column in table.columns[1:]:
        column.justify = "right"
    by_action = {action.value: record.of(action) for action in REQUESTS}
    for name, asked in (*by_action.items(), ("all", record.of(*REQUESTS))):
        if len(asked) > 1:
            times = (f"{1_000 * seconds:,.0f}" for seconds in latencies(asked))
            table.add_row(name, f"{len(asked):,}", *times)
    return table


def latencies(asked: list[Told]) -> tuple[float, float, float]:
    """Give the median, the 99th percentile and the longest time to an answer, in seconds."""
    seconds = [told.received_at - told.sent_at for told in asked]
    hundredths = quantiles(seconds, n=100)
    return hundredths[49], hundredths[98], max(seconds)


def every_verdict(found: dict[str, Any]) -> Table:
    """Tell what every checker says."""
    table = Table("Checker", "Verdict", title="The verdict")
    for name, what in found.items():
        table.add_row(name.replace("_", " "), "[red]BROKEN" if what else "[green]holds")
    return table
