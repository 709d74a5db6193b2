"""The books in memory: what is true, what was true and when, and the unreliable way to them."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from box_office.availability import BoardRow, BoardSection, whole_story
from box_office.changes import SeatChanges
from tests.live.simulation.tally import Fault, Tally
from tests.live.simulation.weather import Weather

T = TypeVar("T")

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
#: How far a restored database moves its versions on: further than anybody was told.
MOVED_ON = 1_000_000
READ_SECONDS = (0.0005, 0.03)
SLOW_READ_SECONDS_MAX = 3.0

#: What asyncpg and SQLAlchemy raise when PostgreSQL goes away.
GOING_AWAY: tuple[Callable[[], Exception], ...] = (
    lambda: ConnectionRefusedError("Connect call failed"),
    lambda: ConnectionResetError("Connection reset by peer"),
    lambda: TimeoutError("connecting took too long"),
    lambda: asyncpg.CannotConnectNowError("the database system is starting up"),
    lambda: asyncpg.ConnectionDoesNotExistError("connection was closed in the middle"),
    lambda: sa.exc.OperationalError("SELECT", {}, ConnectionResetError("terminating connection")),
)
#: How a viewer may be refused.
REFUSALS = (OSError, TimeoutError, asyncpg.PostgresError, sa.exc.SQLAlchemyError)


class Ledger:
    """One event: its seats, its version, its change log, and all that was ever true of it."""

    def __init__(self, event_id: UUID, seat_count: int, log_rows_max: int) -> None:
        self.event_id = event_id
        self.sections = _halves(event_id, seat_count)
        self.version = 0
        self.seats = bytes(seat_count)
        self.log: list[SeatChanges] = []
        self._log_rows_max = log_rows_max
        #: The states at every version that led to the present one.
        self.past = {0: self.seats}
        #: When (version, states) ceased to be the latest; None: it still is.
        self.superseded_at: dict[tuple[int, bytes], float | None] = {(0, self.seats): None}
        #: The states last seen at a version, whatever became of it.
        self.latest_at = {0: self.seats}
        #: Given away again after a restore: who was told one of these must not resume with it.
        self.ambiguous: set[int] = set()

    def commit(self, seats: dict[int, int], now: float) -> SeatChanges:
        """Change seats: one version more, one row of the log more."""
        states = bytearray(self.seats)
        for index, state in seats.items():
            states[index] = state
        self._show(self.version + 1, bytes(states), now)
        as_of = NOON + timedelta(seconds=now)
        changes = SeatChanges(
            self.event_id, self.version, as_of, tuple(seats), bytes(seats.values())
        )
        self.log.append(changes)
        del self.log[: -self._log_rows_max]
        return changes

    def restore(self, version: int, now: float, *, moved_on: bool) -> None:
        """Go back to how it was at that version."""
        lost = {later for later in self.past if later > version}
        self.past = {v: states for v, states in self.past.items() if v <= version}
        self.log = [changes for changes in self.log if changes.version <= version]
        if moved_on:
            self._show(self.version + MOVED_ON, self.past[version], now)
        elif lost:
            self.ambiguous |= lost
            self._show(version, self.past[version], now)

    def forget_log(self, up_to_version: int) -> None:
        """Drop old rows, as the clean-up does."""
        self.log = [changes for changes in self.log if changes.version > up_to_version]

    def _show(self, version: int, states: bytes, now: float) -> None:
        self.superseded_at[self.version, self.seats] = now
        self.version, self.seats = version, states
        self.past[version] = self.latest_at[version] = states
        self.superseded_at[version, states] = None


class UnreliableBooks:
    """Implements `SeatBooks` for one server: each read takes time and sees one moment."""

    def __init__(
        self, ledgers: dict[UUID, Ledger], server: int, weather: Weather, dice: Random, tally: Tally
    ) -> None:
        self._ledgers = ledgers
        self._server = server
        self._weather = weather
        self._dice = dice
        self._tally = tally

    async def load_board(self, event_id: UUID) -> BoardRow | None:
        """Read version and seats of one moment."""
        return await self._read(lambda: self._row(self._ledgers[event_id]))

    async def changes_since(self, event_id: UUID, version: int) -> list[SeatChanges]:
        """Read the log's rows, and leave it to production whether they are all."""
        ledger = self._ledgers[event_id]
        rows = await self._read(lambda: [row for row in ledger.log if row.version > version])
        return whole_story(rows, version)

    async def versions_of(self, event_ids: Sequence[UUID]) -> dict[UUID, int]:
        """Read how far each event is."""
        return await self._read(
            lambda: {key: self._ledgers[key].version for key in event_ids}, sickness=0.2
        )

    def _row(self, ledger: Ledger) -> BoardRow:
        return BoardRow(
            event_id=ledger.event_id,
            version=ledger.version,
            as_of=NOON + timedelta(seconds=asyncio.get_running_loop().time()),
            states=ledger.seats,
            price_levels=bytes(len(ledger.seats)),
            level_prices=(1_000,),
            sections=ledger.sections,
        )

    async def _read(self, look: Callable[[], T], sickness: float = 0.8) -> T:
        """Look at one moment between asking and answering; both ways may be cut.

        Sick books fail at long questions more often than at the short one.
        """
        await self._pass()
        if self._dice.random() < sickness * self._strength(Fault.BOOKS_SICK):
            self._fail(Fault.BOOKS_SICK)
        answer = look()
        await self._pass()
        return answer

    async def _pass(self) -> None:
        await asyncio.sleep(self._dice.uniform(*READ_SECONDS) / 2)
        if strength := self._strength(Fault.BOOKS_SLOW):
            self._tally[Fault.BOOKS_SLOW] += 1
            await asyncio.sleep(strength * self._dice.uniform(0.0, SLOW_READ_SECONDS_MAX))
        while self._strength(Fault.BOOKS_HANGING):
            self._tally[Fault.BOOKS_HANGING] += 1
            await asyncio.sleep(0.5)
        for fault in (Fault.BOOKS_AWAY, Fault.VERSION_BACK, Fault.VERSION_AHEAD):
            if self._strength(fault):
                self._fail(Fault.BOOKS_AWAY)

    def _fail(self, fault: Fault) -> None:
        self._tally[fault] += 1
        away = self._dice.choice(GOING_AWAY)
        raise away()

    def _strength(self, fault: Fault) -> float:
        return self._weather.strength(fault, self._server, asyncio.get_running_loop().time())


def _halves(event_id: UUID, seat_count: int) -> tuple[BoardSection, ...]:
    half = seat_count // 2
    ids = (UUID(int=event_id.int + 1), UUID(int=event_id.int + 2))
    return (BoardSection(ids[0], 0, half), BoardSection(ids[1], half, seat_count - half))
