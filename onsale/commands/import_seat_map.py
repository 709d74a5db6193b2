"""`import-seat-map`: a seating plan becomes a venue's seat map and, if asked, an event's seats."""
# ruff: noqa: PLC0415 - what is heavy is imported when it is needed: see onsale/commands/__init__.py.

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onsale.import_request import ImportRequest
from onsale.settings import Settings, StartError

if TYPE_CHECKING:
    from onsale.importing import ImportSummary, Remark

PlanFile = Annotated[Path, typer.Argument(help="A seating plan: the JSON that pretix writes.")]
VenueName = Annotated[str, typer.Option("--venue", help="The venue's name.")]
City = Annotated[str, typer.Option()]
TimeZone = Annotated[str, typer.Option(help="IANA name, such as Europe/London.")]
Country = Annotated[str | None, typer.Option(help="ISO 3166, such as GB; else the time zone's.")]
Address = Annotated[str | None, typer.Option()]
Labels = Annotated[
    list[str] | None,
    typer.Option(metavar="CATEGORY=LABEL", help="What people read, where names are UUIDs."),
]
GeneralAdmission = Annotated[
    list[str] | None,
    typer.Option(metavar="ZONE=CAPACITY", help="Sell a zone or category as standing places."),
]
Title = Annotated[str | None, typer.Option(metavar="TITLE", help="Put an event on sale, too.")]
TypeName = Annotated[str | None, typer.Option("--type", help="Such as Concert or Theatre.")]
Description = Annotated[str | None, typer.Option()]
Performers = Annotated[list[str] | None, typer.Option(metavar="NAME", help="May be repeated.")]
Starts = Annotated[
    str | None, typer.Option(metavar="MOMENT", help="2027-05-01T19:30, by the venue's clock.")
]
Ends = Annotated[str | None, typer.Option(metavar="MOMENT", help="Else three hours later.")]
SalesOpen = Annotated[str | None, typer.Option(metavar="MOMENT", help="Else at once.")]
SalesClose = Annotated[str | None, typer.Option(metavar="MOMENT", help="Else when it starts.")]
Currency = Annotated[str | None, typer.Option(metavar="CODE", help="ISO 4217, such as EUR.")]
Prices = Annotated[
    list[str] | None, typer.Option(metavar="CATEGORY=AMOUNT", help="Once for each category.")
]
SeatsPerBuyer = Annotated[int | None, typer.Option(help="How many seats one buyer may have.")]
Seconds = Annotated[int | None, typer.Option(help="How long seats are held for a buyer.")]


def import_seat_map(  # noqa: PLR0913 - one for each option.
    file: PlanFile,
    *,
    venue: VenueName,
    city: City,
    time_zone: TimeZone,
    country: Country = None,
    address: Address = None,
    label: Labels = None,
    general_admission: GeneralAdmission = None,
    event: Title = None,
    type_name: TypeName = None,
    description: Description = None,
    performer: Performers = None,
    starts: Starts = None,
    ends: Ends = None,
    sales_open: SalesOpen = None,
    sales_close: SalesClose = None,
    currency: Currency = None,
    price: Prices = None,
    seats_per_buyer: SeatsPerBuyer = None,
    reservation_seconds: Seconds = None,
) -> None:
    """Store a seating plan as a venue's seat map; with --event, put an event on sale on it."""
    request = ImportRequest(
        file=file,
        venue=venue,
        city=city,
        time_zone=time_zone,
        country=country,
        address=address,
        labels=tuple(label or ()),
        general_admission=tuple(general_admission or ()),
        event=event,
        event_type=type_name,
        description=description,
        performers=tuple(performer or ()),
        starts=starts,
        ends=ends,
        sales_open=sales_open,
        sales_close=sales_close,
        currency=currency,
        prices=tuple(price or ()),
        seats_per_buyer=seats_per_buyer,
        reservation_seconds=reservation_seconds,
    )
    carry_out(request)


def carry_out(request: ImportRequest) -> None:
    """Store it and say what there is now, or what is wrong."""
    given = Settings.read()
    from onsale.commands.reaching import database_url_of, ready

    with ready(given) as settings:
        outcome = asyncio.run(store(database_url_of(settings), request))
    report(outcome)


async def store(database_url: str, request: ImportRequest) -> "ImportSummary | list[Remark]":
    """Store it all, or nothing."""
    from box_office.database import Database
    from onsale.importing import import_seat_map

    database = await Database.connect(database_url)
    try:
        return await import_seat_map(database, request)
    finally:
        await database.close()


def report(outcome: "ImportSummary | list[Remark]") -> None:
    """Say what there is now. Raises StartError with every fault."""
    if isinstance(outcome, list):
        raise StartError("\n".join(map(str, outcome)))
    for warning in outcome.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(
        f"{outcome.venue_name}: seat map version {outcome.version} with"
        f" {counted(outcome.seat_count, 'seat')} in {counted(outcome.section_count, 'section')}."
    )
    typer.echo(f"Categories: {', '.join(outcome.categories)}")
    if outcome.event_slug is not None:
        typer.echo(f"On sale: {outcome.event_slug}")


def counted(number: int, thing: str) -> str:
    """Say how many there are: 1 seat, 2,000 seats."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
