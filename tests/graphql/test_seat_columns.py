"""Whole houses from columns: told as seat by seat, and nothing told that is not so any more."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from graphql import ExecutionResult

from box_office.availability import PostgresBooks
from box_office.box_office import BoxOffice
from box_office.changes import SeatChanges
from box_office.database import Database
from box_office.hot_events import HotEvents
from box_office.news import NoNews
from box_office.publishing import publish_event
from demo.programme import AURORA, LANTERN, SHOWS, YOZORA, House
from demo.seed import _new_event, _now, _open_house
from models import Event as EventOfRecord
from onsale.graphql_schema import graphql_schema
from schema.availability import CountedSections
from schema.context import Context
from schema.enums import SeatStatus
from schema.events import Event
from schema.ids import NodeKind, encode_id
from schema.kept import Kept
from schema.seat_columns import SeatColumns
from schema.seat_facts import BLOCK_SEATS_MAX
from schema.seats import EventSeat, Seating
from schema.soon import here
from subscriptions.boards import Boards
from subscriptions.feed import NoFeed
from subscriptions.pace import Pace
from tests.graphql.conftest import Api
from tests.halls import PretendProvider

MAP = """query ($id: ID!) { event(by: {id: $id}) {
    seats { id index row number x y status } } }"""
ALL_THAT_IS_KNOWN = """query ($id: ID!) { event(by: {id: $id}) { seats {
    __typename id index section { __typename id name kind capacity firstSeatIndex }
    row number x y accessible status priceLevel { id name color price { amount } }
    price { amount currencyCode } } } }"""
BY_STATUS = """query ($id: ID!) { event(by: {id: $id}) {
    free: seats(status: AVAILABLE) { id status } held: seats(status: HELD) { number status }
    seats(status: SOLD) { index status } blocked: seats(status: BLOCKED) { index x } } }"""
BY_FRAGMENTS = """query ($id: ID!) { event(by: {id: $id}) {
      ...Map
      all: seats { place: index ... on Node { id } ...Where @skip(if: false) }
    } }
    fragment Map on Event { all: seats { status ... on EventSeat { price { amount } } } }
    fragment Where on EventSeat { x y x2: x part: section { name } section { id } }"""
OF_ITS_EVENT = "query ($id: ID!) { event(by: {id: $id}) { seats { index event { id title } } } }"
WITH_A_RESOLVER = """query ($id: ID!) { event(by: {id: $id}) {
    seats { index section { name outline { x y } } } } }"""
BY_SECTION = """query ($id: ID!, $section: ID!) { event(by: {id: $id}) {
    seats(sectionId: $section) { index section { name } status }
    free: seats(sectionId: $section, status: AVAILABLE) { id } } }"""
COUNTED = """query ($id: ID!) { event(by: {id: $id}) { availability { version sections {
    section { id name } total available priceFrom { amount currencyCode } } } } }"""
YOZORA_SEATS = 600
#: What can be answered without an object for each seat.
PLAIN = (MAP, ALL_THAT_IS_KNOWN, BY_STATUS, BY_FRAGMENTS, COUNTED)


class Show:
    """A show in a house of the demo, whose seats change as we like; nothing of it is stored."""

    def __init__(self, api: Api, event_id: UUID) -> None:
        self.context = api.context
        self.event_id = event_id
        self._api = api
        self._version = 0
        self._random = Random(5)

    async def told(self, document: str, *, compiled: bool = True, **variables: Any) -> bytes:
        """Ask, and give the data as it is sent."""
        result = await self._run(document, self.context.for_operation(), compiled, variables)
        assert result.errors is None, result.errors
        return orjson.dumps(result.data)

    async def paths_of_errors(self, document: str, seats_left: int) -> list[Any]:
        """Ask with so many seats that may still be shown, and give where it went wrong."""
        context = self.context.for_operation()
        context.seats_left = seats_left
        result = await self._run(document, context, True, {})
        return [error.path for error in result.errors or ()]

    async def _run(
        self, document: str, context: Context, compiled: bool, variables: dict[str, Any]
    ) -> ExecutionResult:
        read = graphql_schema.documents.read(document)
        assert not read.errors, read.errors
        plan = read.plan(None, graphql_schema.plans(compiled=compiled))
        event_id = encode_id(NodeKind.EVENT, self.event_id)
        result = plan.run({**variables, "id": event_id}, context)
        return result if isinstance(result, ExecutionResult) else await result

    async def compared(self, document: str, **variables: Any) -> bytes:
        """Ask on both ways, and expect one answer; the second time it is known already."""
        slow = await self.told(document, compiled=False, **variables)
        for _ in range(2):
            assert await self.told(document, **variables) == slow
        return slow

    async def seating(self) -> Seating:
        """Give the seats as a new operation sees them."""
        context = self.context.for_operation()
        event = await here(Event.sure(context, self.event_id))
        return await here(Seating.of(context, event))

    async def change(self, seats: dict[int, SeatStatus]) -> None:
        """Let seats change, as if somebody had committed that."""
        await self.seating()  # Somebody looks, so the event is watched.
        self._version += 1
        now = (await self.seating()).view.as_of
        states = bytes(seats.values())
        changes = SeatChanges(self.event_id, self._version, now, tuple(seats), states)
        self.context.box_office.boards.apply(changes)

    async def change_some(self, count: int) -> None:
        """Let so many seats anywhere change, each to anything."""
        if not count:
            return
        seats = self._random.sample(range((await self.seating()).view.seat_count), count)
        await self.change({seat: self._random.choice(list(SeatStatus)) for seat in seats})


@pytest.fixture
async def api(api: Api, database: Database) -> AsyncIterator[Api]:
    """Somebody who looks at boards that never compare themselves with the database."""
    boards = Boards(PostgresBooks(database), NoFeed(), Pace(look=3600))
    await boards.start()
    box_office = BoxOffice.open(database, boards, NoNews(), PretendProvider())
    yield Api(replace(api.context, box_office=box_office, live=boards, hot_events=HotEvents()))
    await box_office.close()
    await boards.stop()


async def show_in(house: House, api: Api) -> Show:
    """Announce the first show of a house of the demo, with nothing sold yet."""
    show = next(show for show in SHOWS if show.house is house)
    async with api.context.box_office.database.session() as session:
        opened = await _open_house(session, house)
        event = await publish_event(session, _new_event(show, opened, await _now(session)))
        assert isinstance(event, EventOfRecord), event
        await session.commit()
    return Show(api, event.id)


async def test_an_arena_from_columns_is_that_of_its_seats(api: Api) -> None:
    show = await show_in(AURORA, api)
    new = await show.told(MAP)

    await show.change_some(4_000)
    changed = await show.compared(MAP)
    await show.change_some(3)

    assert len({new, changed, await show.compared(MAP)}) == 3


@pytest.mark.parametrize(
    ("house", "changes"), [(LANTERN, (200, 1)), (YOZORA, (0, 100))], ids=["theatre", "club"]
)
async def test_whatever_is_asked_of_seats_columns_say_the_same(
    api: Api, house: House, changes: Sequence[int]
) -> None:
    show = await show_in(house, api)

    for count in changes:
        await show.change_some(count)
        for document in PLAIN:
            await show.compared(document)
    for document in (OF_ITS_EVENT, WITH_A_RESOLVER):
        await show.compared(document)
    for section in (await show.seating()).facts.sections[:2]:
        await show.compared(BY_SECTION, section=section.id)


async def test_no_seat_is_made_where_columns_will_do(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = await show_in(LANTERN, api)
    await show.change_some(50)
    expected = [await show.told(document, compiled=False) for document in PLAIN]

    def refuse(*_: Any) -> Any:
        raise AssertionError("a seat was made")

    monkeypatch.setattr(EventSeat, "each", refuse)

    assert [await show.told(document) for document in PLAIN] == expected


async def test_columns_are_what_the_seats_have(api: Api) -> None:
    show = await show_in(LANTERN, api)
    await show.change_some(300)
    seating = await show.seating()
    count = seating.view.seat_count
    section = seating.facts.seats_of_section(seating.facts.geometry.sections[1].id)
    assert section is not None

    for seats in (range(count), section):
        for status in (None, *SeatStatus):
            columns = SeatColumns(seating, seats, status)
            having = [i for i in seats if status in {None, seating.view.state(i)}]
            assert_columns_are_those_of(columns, seating.made(having))


def assert_columns_are_those_of(columns: SeatColumns, seats: Sequence[EventSeat]) -> None:
    assert len(columns) == len(seats)
    assert [seat.id for seat in columns] == [seat.id for seat in seats]
    assert [columns[at].id for at in range(len(seats))] == [seat.id for seat in seats]
    assert [seat.id for seat in columns[2:5]] == [seat.id for seat in seats[2:5]]
    assert columns.column("event") is None
    position = 0
    for _, start, stop in columns.blocks():
        assert position == start < stop <= start + BLOCK_SEATS_MAX
        position = stop
        for attribute in EventSeat.BY_COLUMN:
            column = columns.column(attribute)
            assert column is not None
            assert len(column) == len(seats)
            expected = [getattr(seat, attribute) for seat in seats[start:stop]]
            assert list(column[start:stop]) == expected
            assert column[start] == expected[0]
    assert position == len(seats)


async def test_only_what_changed_is_written_anew(api: Api) -> None:
    show = await show_in(LANTERN, api)

    async def keys(**filters: Any) -> list[object]:
        seating = await show.seating()
        columns = SeatColumns(seating, range(seating.view.seat_count), **filters)
        return [key for key, _, _ in columns.blocks()]

    before, free = await keys(), await keys(status=SeatStatus.AVAILABLE)
    assert await keys() == before
    await show.change({700: SeatStatus.HELD})

    assert [key in before for key in await keys()].count(False) == 1
    assert [key in free for key in await keys(status=SeatStatus.AVAILABLE)].count(False) == 1
    assert not set(before) & set(free)
    await show.change({700: SeatStatus.AVAILABLE})
    assert await keys() == before


async def test_counted_sections_are_written_once_for_each_version(api: Api) -> None:
    show = await show_in(LANTERN, api)

    async def key() -> object:
        seating = await show.seating()
        ((key, start, stop),) = CountedSections(seating.facts, seating.view).blocks()
        assert (start, stop) == (0, len(seating.view.sections))
        return key

    before = await key()
    assert await key() == before
    await show.change({700: SeatStatus.HELD})
    assert await key() != before


async def test_two_shows_in_one_house_are_never_taken_for_each_other(api: Api) -> None:
    shows = [await show_in(LANTERN, api) for _ in range(2)]

    told = [await show.compared(MAP) for show in shows]

    assert told[0] != told[1]


async def test_what_never_changes_is_made_once_for_all_operations(api: Api) -> None:
    show = await show_in(YOZORA, api)

    first, second = await show.seating(), await show.seating()

    assert first.context is not second.context
    assert first.facts is second.facts
    for attribute in ("id", "section", "price"):
        columns = [SeatColumns(seating, range(YOZORA_SEATS)) for seating in (first, second)]
        assert columns[0].column(attribute) is columns[1].column(attribute)


async def test_seats_from_columns_count_among_those_that_are_shown(api: Api) -> None:
    show = await show_in(YOZORA, api)
    twice = "query ($id: ID!) { event(by: {id: $id}) { a: seats { index } b: seats { index } } }"

    assert await show.paths_of_errors(twice, seats_left=2 * YOZORA_SEATS) == []
    assert await show.paths_of_errors(twice, seats_left=2 * YOZORA_SEATS - 1) == [["event", "b"]]


def test_as_much_is_kept_as_there_is_room_for_and_the_newest_always() -> None:
    kept: Kept[str] = Kept(10)
    one, two, three = uuid4(), uuid4(), uuid4()

    kept.keep(one, "one", 4)
    kept.keep(two, "two", 6)
    assert (kept.get(two), kept.get(one)) == ("two", "one")
    kept.keep(three, "three", 1)  # What was used before the others goes.
    assert (kept.get(one), kept.get(two), kept.get(three)) == ("one", None, "three")
    kept.keep(one, "one again", 9)
    assert (kept.get(one), kept.get(three)) == ("one again", "three")
    kept.keep(two, "two", 11)
    assert (kept.get(one), kept.get(two), kept.get(three)) == (None, "two", None)
