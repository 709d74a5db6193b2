"""Bringing in an organiser's seating plan, and putting an event on sale on it: `import-seat-map`.

The command hands every option over as it was typed, in an `ImportRequest`: repeated options as
tuples, CATEGORY=AMOUNT and the like in one piece, moments as text. It prints each of the faults
and ends with exit code 1, or prints the summary's warnings and what was made. Nothing is stored
when there is any fault: all of it is one transaction.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from importlib.resources import files
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from sqlmodel.ext.asyncio.session import AsyncSession

from box_office.database import Database
from box_office.publishing import (
    RESERVATION_SECONDS,
    SEATS_PER_BUYER,
    NewEvent,
    NewPrice,
    analyze_seats,
    check_event,
    publish_event,
)
from box_office.refusals import InvalidInput, Refusal
from box_office.seat_maps import NewVenue, find_or_make_venue, publish_seat_map
from box_office.seating_plan import (
    SEATING_PLAN_BYTES_MAX,
    PlanFaults,
    PlanOptions,
    SeatingPlan,
    read_seating_plan,
)
from models import Event, Venue
from onsale.import_request import ImportRequest

#: How long an event takes when nobody says when it ends.
EVENT_DURATION = timedelta(hours=3)
EVENT_TYPE = "Event"
_FIRST_YEAR, _LAST_YEAR = 1970, 2999
_NO_MOMENT = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)

#: Which option a refusal of the box office is about.
_OPTIONS = {
    "name": "--venue",
    "title": "--event",
    "prices": "--price",
    "performers": "--performer",
    "country_code": "--country",
    "currency_code": "--currency",
    "starts_at": "--starts",
    "ends_at": "--ends",
    "sales_open_at": "--sales-open",
    "sales_close_at": "--sales-close",
    "seats_per_buyer_max": "--seats-per-buyer",
}


@dataclass(frozen=True, slots=True)
class Remark:
    """A fault or a warning: the file or option it is about, the place in it, and what is up."""

    source: str
    place: str | None
    message: str

    def __str__(self) -> str:
        about = self.source if self.place is None else f"{self.source}: {self.place}"
        return f"{about}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """What was stored."""

    venue_name: str
    seat_map_id: UUID
    version: int
    seat_count: int
    section_count: int
    #: What the plan's categories are called, for the next --price.
    categories: tuple[str, ...]
    event_id: UUID | None
    event_slug: str | None
    warnings: tuple[Remark, ...]


@dataclass(slots=True)
class _Import:
    """One import on its way: what is asked, and what was found to be wrong with it."""

    request: ImportRequest
    faults: list[Remark] = field(default_factory=list)
    warnings: list[Remark] = field(default_factory=list)

    def fault(self, source: str, message: str) -> None:
        """Note what is wrong with an option or the file as a whole."""
        self.faults.append(Remark(source, None, message))

    def refused(self, refusals: Iterable[Refusal]) -> None:
        """Note what the box office refuses, in the words of the command line."""
        for refusal in refusals:
            first, *rest = refusal.path or ("",)
            option = _OPTIONS.get(first, f"--{first.replace('_', '-')}")
            about = " ".join(rest)
            place = about if about and about not in refusal.message else None
            self.faults.append(Remark(option, place, refusal.message))


async def import_seat_map(
    database: Database, request: ImportRequest
) -> ImportSummary | list[Remark]:
    """Store the plan as the venue's next seat map, and the event on it; or say all faults."""
    on_its_way = _Import(request)
    plan = await _read_plan(on_its_way)
    new_event = _read_event(on_its_way, plan)
    async with database.session() as session:
        summary = await _store(session, on_its_way, plan, new_event)
        if summary is None or on_its_way.faults:
            return on_its_way.faults  # And the session forgets what it has written.
        await session.commit()
    await analyze_seats(database)
    return summary


async def _store(
    session: AsyncSession,
    on_its_way: _Import,
    plan: SeatingPlan | None,
    new_event: NewEvent | None,
) -> ImportSummary | None:
    venue = await find_or_make_venue(session, _new_venue(on_its_way.request))
    if isinstance(venue, list):
        on_its_way.refused(_worth_saying(venue, on_its_way.request))
    if plan is None or on_its_way.faults or not isinstance(venue, Venue):
        if new_event is not None:
            on_its_way.refused(check_event(new_event))
        return None
    seat_map = await publish_seat_map(session, venue, plan)
    event: Event | None = None
    if new_event is not None:
        outcome = await publish_event(session, replace(new_event, seat_map_id=seat_map.id))
        if isinstance(outcome, list):
            on_its_way.refused(outcome)
            return None
        event = outcome
    return ImportSummary(
        venue_name=venue.name,
        seat_map_id=seat_map.id,
        version=seat_map.version,
        seat_count=seat_map.seat_count,
        section_count=len(plan.sections),
        categories=tuple(category.label for category in plan.used_categories()),
        event_id=None if event is None else event.id,
        event_slug=None if event is None else event.slug,
        warnings=tuple(on_its_way.warnings),
    )


def _worth_saying(refusals: list[Refusal], request: ImportRequest) -> list[Refusal]:
    """Say of a country that nobody gave, and nobody can know, just that it is to be given."""
    if request.country or _country_of(request.time_zone):
        return refusals
    others = [refusal for refusal in refusals if refusal.path != ("country_code",)]
    if len(others) == len(refusals) or ("time_zone",) in {refusal.path for refusal in others}:
        return others  # A time zone that is none is fault enough.
    message = f"The time zone {request.time_zone} belongs to no country; give one, such as GB."
    return [*others, InvalidInput(message=message, path=("country_code",))]


def _country_of(time_zone: str) -> str | None:
    """Look up whose time zone it is, in the table that comes with the time zones."""
    table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    lines = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return next((country for country, _, name, *_ in lines if name == time_zone), None)


def _new_venue(request: ImportRequest) -> NewVenue:
    return NewVenue(
        name=request.venue,
        city=request.city,
        country_code=(request.country or _country_of(request.time_zone) or "").upper(),
        time_zone=request.time_zone,
        address=request.address,
    )


async def _read_plan(on_its_way: _Import) -> SeatingPlan | None:
    request = on_its_way.request
    options = PlanOptions(
        general_admission=dict(_capacities(on_its_way)),
        labels=dict(_pairs(on_its_way, "--label", "CATEGORY=LABEL", request.labels)),
    )
    data = await asyncio.to_thread(_read_file, on_its_way)
    if data is None:
        return None
    plan = await asyncio.to_thread(read_seating_plan, data, options)
    name = str(request.file)
    if isinstance(plan, PlanFaults):
        on_its_way.faults += [Remark(name, fault.place, fault.message) for fault in plan.faults]
        if plan.more:
            on_its_way.fault(name, f"{plan.more:,} more faults; put these right first.")
        return None
    on_its_way.warnings += [Remark(name, warn.place, warn.message) for warn in plan.warnings]
    return plan


def _read_file(on_its_way: _Import) -> bytes | None:
    """Read no more than a plan may have: the reader refuses what is larger, by its size."""
    file = on_its_way.request.file
    try:
        with file.open("rb") as opened:
            return opened.read(SEATING_PLAN_BYTES_MAX + 1)
    except OSError as error:
        on_its_way.fault(str(file), f"cannot be read: {error.strerror or error}.")
        return None


def _capacities(on_its_way: _Import) -> Iterator[tuple[str, int]]:
    option, given = "--general-admission", on_its_way.request.general_admission
    for name, capacity in _pairs(on_its_way, option, "ZONE_OR_CATEGORY=CAPACITY", given):
        if re.fullmatch(r"[0-9]{1,9}", capacity, re.ASCII):
            yield name, int(capacity)
        else:
            on_its_way.fault(option, f"{capacity!r} is no number of places; write {name}=500.")


def _pairs(
    on_its_way: _Import, option: str, form: str, given: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Take NAME=VALUE apart. A name may hold a "=" itself, unless the value is a label."""
    seen: set[str] = set()
    for text in given:
        take_apart = str.partition if form.endswith("LABEL") else str.rpartition
        name, equals, value = take_apart(text, "=")
        name, value = name.strip(), value.strip()
        if not (equals and name and value):
            on_its_way.fault(option, f"{text!r} is not of the form {form}.")
        elif name in seen:
            on_its_way.fault(option, f"{name!r} is given twice.")
        else:
            seen.add(name)
            yield name, value


def _read_event(on_its_way: _Import, plan: SeatingPlan | None) -> NewEvent | None:
    """Read the event's options; None when there is no event."""
    request = on_its_way.request
    if request.event is None:
        _refuse_stray_options(on_its_way)
        return None
    event = NewEvent(
        seat_map_id=UUID(int=0),  # The one that is being published; set once it has its id.
        title=request.event,
        type_name=request.event_type or EVENT_TYPE,
        description=request.description,
        performers=request.performers,
        starts_at=_NO_MOMENT,
        ends_at=_NO_MOMENT,
        currency_code=(request.currency or "").upper(),
        prices=tuple(_prices(on_its_way, plan)),
        seats_per_buyer_max=_given(request.seats_per_buyer, SEATS_PER_BUYER),
        reservation_seconds=_given(request.reservation_seconds, RESERVATION_SECONDS),
    )
    return _with_times(on_its_way, event)


def _with_times(on_its_way: _Import, event: NewEvent) -> NewEvent:
    """Read when the event is; without a start it is left as it is, and the rest of it checked."""
    request = on_its_way.request
    if request.starts is None:
        on_its_way.fault("--starts", "is missing; say when the event starts: 2026-12-31T19:30.")
    starts_at = _moment(on_its_way, "--starts", request.starts)
    ends_at = _moment(on_its_way, "--ends", request.ends)
    sales_open_at = _moment(on_its_way, "--sales-open", request.sales_open)
    sales_close_at = _moment(on_its_way, "--sales-close", request.sales_close)
    _refuse_what_is_past(on_its_way, "--starts", request.starts, starts_at)
    _refuse_what_is_past(on_its_way, "--sales-close", request.sales_close, sales_close_at)
    if starts_at is None:
        return event
    return replace(
        event,
        starts_at=starts_at,
        ends_at=ends_at or starts_at + EVENT_DURATION,
        sales_open_at=sales_open_at,
        sales_close_at=sales_close_at,
    )


def _refuse_what_is_past(
    on_its_way: _Import, option: str, text: str | None, moment: datetime | None
) -> None:
    """Refuse to put an event on sale that nobody could buy a seat for."""
    if moment is not None and moment <= datetime.now(UTC):
        on_its_way.fault(option, f"{text} is past, and nothing could be sold; give a later moment.")


def _given(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _refuse_stray_options(on_its_way: _Import) -> None:
    request = on_its_way.request
    options = {
        "--type": request.event_type,
        "--description": request.description,
        "--performer": request.performers,
        "--starts": request.starts,
        "--ends": request.ends,
        "--sales-open": request.sales_open,
        "--sales-close": request.sales_close,
        "--currency": request.currency,
        "--price": request.prices,
        "--seats-per-buyer": request.seats_per_buyer,
        "--reservation-seconds": request.reservation_seconds,
    }
    for option, value in options.items():
        if value not in (None, ()):
            on_its_way.fault(option, "is about an event; give its title with --event, too.")


def _prices(on_its_way: _Import, plan: SeatingPlan | None) -> Iterator[NewPrice]:
    """Read the prices, in the plan's order of categories, one for each that has seats."""
    option, given = "--price", on_its_way.request.prices
    amounts = dict(_pairs(on_its_way, option, "CATEGORY=AMOUNT", given))
    if plan is None:
        yield from (NewPrice(category=name, amount=amount) for name, amount in amounts.items())
        return
    used = plan.used_categories()
    for category in plan.categories:
        named = [name for name in (category.name, category.label) if name in amounts]
        found = [amounts.pop(name) for name in dict.fromkeys(named)]
        if found and category not in used:
            on_its_way.warnings.append(
                Remark(option, category.label, "is a category of no seat; its price was left out.")
            )
        elif found:
            yield NewPrice(
                category=category.name,
                amount=found[0],
                label=category.label,
                color=category.color,
            )
        elif category in used:
            on_its_way.fault(option, f"Give {category.label!r} a price.")
    for name in amounts:
        on_its_way.fault(option, f"No seat has the category {name!r}.")


def _moment(on_its_way: _Import, option: str, text: str | None) -> datetime | None:
    """Read a moment by the venue's clock, or with its own offset."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min.replace(tzinfo=UTC)
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        on_its_way.fault(option, f"{text!r} is no date and time; write 2026-12-31T19:30.")
        return None
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    zone = _zone(on_its_way.request.time_zone)
    there = moment.replace(tzinfo=zone).astimezone(UTC)
    if there.astimezone(zone).replace(tzinfo=None) != moment:
        on_its_way.fault(option, f"{text} does not exist there: the clocks are put forward.")
        return None
    return there


def _zone(name: str) -> tzinfo:
    """Give the venue's zone; one that is unknown is refused elsewhere, and UTC does meanwhile."""
    return ZoneInfo(name) if name in available_timezones() else UTC
