"""`python -m bench.books`: what audit, backup and restore of a big house cost.

Twenty events of 50,000 seats, three in five of them sold, two a buyer: a million seats, 300,000
orders. Written by SQL, for selling them takes ten minutes; the audit says that they are as the
rules would have left them.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console
from rich.table import Table

from box_office.audit import ALWAYS, AT_REST, Invariant, audit
from box_office.database import Database
from onsale.embedded import keep_services

#: Of ten reservations of two seats each, six were paid: seats 0 to 11 of twenty.
BOOKS = (
    "INSERT INTO event_types (key, name) VALUES ('concert', 'Concert')",
    """INSERT INTO venues (id, name, city, country_code, time_zone)
       VALUES (gen_random_uuid(), 'Arena', 'London', 'GB', 'Europe/London')""",
    """INSERT INTO seat_maps (id, venue_id, version, name, width, height, seat_count, layout,
                              layout_hash)
       SELECT gen_random_uuid(), id, 1, 'Arena', 100, 100, :seats, '{}', 'hash' FROM venues""",
    """INSERT INTO events (id, slug, title, type_key, venue_id, seat_map_id, starts_at, ends_at,
                           state, currency_code, reservation_seconds, seats_per_buyer_max,
                           search_text)
       SELECT gen_random_uuid(), 'concert-' || n, 'A concert', 'concert', m.venue_id, m.id,
              now() + interval '7 days', now() + interval '8 days', 'PUBLISHED', 'GBP', 600, 10, 'a'
       FROM seat_maps m, generate_series(1, :events) n""",
    """INSERT INTO price_levels (id, event_id, position, name, price_minor)
       SELECT gen_random_uuid(), id, 0, 'General', 4200 FROM events""",
    """CREATE TABLE sales AS
       SELECT e.id AS event_id, gen_random_uuid() AS id, gen_random_uuid() AS buyer_id,
              gen_random_uuid() AS order_id, n * 2 AS first
       FROM events e, generate_series(0, :seats / 2 - 1) n WHERE n % 10 < 6""",
    """INSERT INTO reservations (id, event_id, buyer_id, status, seat_indexes, expires_at,
                                 hold_ends_at, payment_attempts, email)
       SELECT id, event_id, buyer_id, 'PURCHASED', ARRAY[first, first + 1], now(), now(), 1,
              'ada@example.org' FROM sales""",
    """INSERT INTO orders (id, code, event_id, reservation_id, buyer_id, status, email, total_minor,
                           currency_code)
       SELECT order_id, upper(substr(md5(id::text), 1, 12)), event_id, id, buyer_id, 'PAID',
              'ada@example.org', 8400, 'GBP' FROM sales""",
    """INSERT INTO payments (id, reservation_id, attempt, state, provider, provider_reference,
                             amount_minor, currency_code)
       SELECT gen_random_uuid(), id, 1, 'CAPTURED', 'pretend', 'pretend_' || id, 8400, 'GBP'
       FROM sales""",
    """INSERT INTO event_seats (event_id, seat_index, state, price_level, reservation_id)
       SELECT e.id, i, CASE WHEN s.id IS NULL THEN 0 ELSE 2 END, 0, s.id
       FROM events e CROSS JOIN generate_series(0, :seats - 1) i
       LEFT JOIN sales s ON s.event_id = e.id AND s.first = i - i % 2""",
    """INSERT INTO tickets (id, code, order_id, event_id, seat_index, price_minor, status)
       SELECT gen_random_uuid(), md5(id::text || seat), order_id, event_id, seat, 4200, 'VALID'
       FROM sales, LATERAL unnest(ARRAY[first, first + 1]) seat""",
    """INSERT INTO allowances (event_id, buyer_id, seats, seats_max)
       SELECT event_id, buyer_id, 2, 10 FROM sales""",
    """INSERT INTO event_ledgers (event_id, version, seat_count, available, held, sold, blocked)
       SELECT event_id, 0, count(*), count(*) FILTER (WHERE state = 0), 0,
              count(*) FILTER (WHERE state = 2), 0 FROM event_seats GROUP BY event_id""",
    "DROP TABLE sales",
)


def main(
    events: Annotated[int, typer.Option(help="Of how many events.")] = 20,
    seats: Annotated[int, typer.Option(help="Seats of each.")] = 50_000,
) -> None:
    """Measure on a PostgreSQL of its own, with fsync on."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="onsale-bench-") as name:
        folder = Path(name)
        with keep_services(folder / "data") as services:
            variables = {"DATABASE_URL": services.database_url, "ONSALE_DATA_DIR": str(folder)}
            onsale(variables, "migrate")
            asyncio.run(write_books(services.database_url, events, seats))
            figures = asyncio.run(audited(services.database_url))
            whole = sum(figures.values())
            file = str(folder / "backup.dump")
            figures["onsale audit, all rules"] = whole
            figures["onsale backup"] = timed(lambda: onsale(variables, "backup", file))
            figures["onsale restore"] = timed(lambda: onsale(variables, "restore", file, "--yes"))
            show(console, f"{events} events of {seats:,} seats", figures, Path(file).stat().st_size)


async def write_books(url: str, events: int, seats: int) -> None:
    """Write what was sold."""
    connection = await asyncpg.connect(url)
    for statement in BOOKS:
        sized = statement.replace(":events", str(events)).replace(":seats", str(seats))
        await connection.execute(sized)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def audited(url: str) -> dict[str, float]:
    """Give the seconds of each rule, asked a second time."""
    database = await Database.connect(url)
    figures: dict[str, float] = {}
    asked: list[tuple[str, float]] = []

    def asking(invariant: Invariant) -> None:
        asked.append((invariant.sentence, time.monotonic()))

    for _ in range(2):
        asked.clear()
        found = await audit(database, asking=asking)
        assert found == [], found
        ends = [began for _, began in asked[1:]] + [time.monotonic()]
        figures = {what: end - began for (what, began), end in zip(asked, ends, strict=True)}
    await database.close()
    assert len(figures) == len(ALWAYS) + len(AT_REST)
    return figures


def onsale(variables: dict[str, str], *words: str) -> None:
    """Run one of our commands."""
    subprocess.run(  # noqa: S603 - our own commands, on files of our own.
        [sys.executable, "-m", "onsale", *words],
        env=os.environ | variables,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def timed(work: Callable[[], Any]) -> float:
    """Give the seconds that it takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def show(console: Console, title: str, figures: dict[str, float], size: int) -> None:
    """Show the figures."""
    table = Table(title=title, caption=f"The backup has {size / 1e6:,.0f} MB.")
    table.add_column("what")
    table.add_column("seconds", justify="right")
    for what, seconds in figures.items():
        table.add_row(what, f"{seconds:.2f}")
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
