"""`simulate`: a crowd of buyers before a running server, and an audit of what it left."""
# ruff: noqa: PLC0415 - what is heavy is imported when it is needed: see onsale/commands/__init__.py.

import asyncio
import secrets
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from onsale.simulating.crowd import Outcome, Plan

Slug = Annotated[
    str | None, typer.Option("--event", metavar="SLUG", help="Else the first on sale.")
]
Buyers = Annotated[int, typer.Option(min=1, max=20_000, help="How many come.")]
Url = Annotated[str, typer.Option(help="Where the server is.")]
Seconds = Annotated[float, typer.Option(min=1, help="How long they have; then, they pay and go.")]
Watchers = Annotated[int, typer.Option(min=0, max=1_000, help="Subscribers to the seat map.")]
Seed = Annotated[int | None, typer.Option(help="The same crowd again: the seed it printed.")]
SEEDS = 1_000_000


def simulate(
    *,
    event: Slug = None,
    buyers: Buyers = 200,
    url: Url = "http://127.0.0.1:8000",
    seconds: Seconds = 30.0,
    watchers: Watchers = 10,
    seed: Seed = None,
) -> None:
    """Send a crowd of buyers to a running server, by its public API, and audit what came of it.

    Exit code 1: something is wrong, or an answer was none that a client may get.
    """
    from onsale.simulating.api import read_url
    from onsale.simulating.crowd import Plan

    chosen = secrets.randbelow(SEEDS) if seed is None else seed
    outcome = _run(Plan(read_url(url), event, buyers, watchers, seconds, chosen))
    if not outcome.is_well:
        raise typer.Exit(1)


def _run(plan: "Plan") -> "Outcome":
    """Do it, show it, and print the tables however it ends."""
    from onsale.simulating.crowd import simulate
    from onsale.simulating.report import LiveAudience, show

    audience = LiveAudience(Console(stderr=True), plan.buyers)
    try:
        with audience.live:
            outcome = asyncio.run(simulate(plan, audience))
    except KeyboardInterrupt:
        if audience.outcome is None:
            raise
        outcome = audience.outcome
    show(outcome, Console())
    return outcome
