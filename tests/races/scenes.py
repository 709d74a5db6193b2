"""Scenes between two buyers at two box offices, in which it matters that one guard is there.

Each is played by the book, with no luck in it: who is first, and what happens meanwhile, is waited
for. What everybody was told is written down as in a race, and judged by the same checkers.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from box_office.box_office import BoxOffice
from box_office.database import Database
from box_office.news import NoNews
from box_office.providers import Authorisation, Charge
from onsale.payments.pretend.adapter import PretendProvider
from onsale.payments.pretend.own import RECORD
from tests.halls import Hall, NoBoards, build_hall
from tests.payments.pretending import within_this_process
from tests.races.aging import let_a_minute_pass
from tests.races.doors import Buyer, DirectDoor
from tests.races.record import Action, Answer, Held
from tests.races.verdict import Evidence
from tests.races.witness import Question, Witness

SEATS = 8
SEATS_PER_BUYER_MAX = 3


class HesitantProvider(PretendProvider):
    """The pretending provider, whose first answer is a long time on its way."""

    on_its_way: asyncio.Event
    may_arrive: asyncio.Event

    @classmethod
    def like(cls, provider: PretendProvider) -> "HesitantProvider":
        """Make one over the same connection."""
        hesitant = cls(provider._client, provider._key)
        hesitant.on_its_way, hesitant.may_arrive = asyncio.Event(), asyncio.Event()
        return hesitant

    async def authorise(self, charge: Charge) -> Authorisation:
        answer = await super().authorise(charge)
        if not self.on_its_way.is_set():
            self.on_its_way.set()
            await self.may_arrive.wait()
        return answer


@dataclass(slots=True)
class Cast:
    """Ada's box office and Bob's, over one database; the provider; and whoever writes it down."""

    hall: Hall
    ada_asks: DirectDoor
    bob_asks: DirectDoor
    provider: HesitantProvider
    book: Path
    ada: Buyer = field(default_factory=lambda: Buyer(uuid4()))
    bob: Buyer = field(default_factory=lambda: Buyer(uuid4()))
    witness: Witness = field(default_factory=Witness)

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.hall.box_office.database, self.witness.record, self.book)

    async def reserve(self, door: DirectDoor, buyer: Buyer, *seats: int) -> Answer:
        question = Question(
            Action.RESERVE, buyer, None, lambda door: door.reserve(buyer, list(seats), 0)
        )
        return await self.witness.settle(question, lambda: door)

    async def held(self, door: DirectDoor, buyer: Buyer, *seats: int) -> Held:
        answer = await self.reserve(door, buyer, *seats)
        assert answer.reservation is not None, answer
        return answer.reservation

    async def purchase(self, door: DirectDoor, buyer: Buyer, held: Held) -> Answer:
        question = Question(
            Action.PURCHASE,
            buyer,
            held.id,
            lambda door: door.purchase(buyer, held.id, "pretend_ok", "key"),
            "pretend_ok",
        )
        return await self.witness.settle(question, lambda: door)


@asynccontextmanager
async def cast_of(url: str, folder: Path) -> AsyncIterator[Cast]:
    """Build it."""
    async with AsyncExitStack() as stack:
        databases = [await Database.connect(url) for _ in range(2)]
        for database in databases:
            stack.push_async_callback(database.close)
        rules = {"seats_per_buyer_max": SEATS_PER_BUYER_MAX}
        event_id, stalls_id, floor_id = await build_hall(databases[0], SEATS, 0, rules)
        provider = HesitantProvider.like(
            await stack.enter_async_context(within_this_process(folder))
        )
        offices = [BoxOffice.open(db, NoBoards(), NoNews(), provider) for db in databases]
        for office in offices:
            stack.push_async_callback(office.close)
        hall = Hall(offices[0], event_id, stalls_id, floor_id, SEATS, 0)
        doors = [DirectDoor(office, hall) for office in offices]
        yield Cast(hall, doors[0], doors[1], provider, folder / RECORD)


async def ada_pays_so_slowly_that_bob_holds_her_seat(scene: Cast) -> None:
    """Her time runs out while the bank thinks; when it says yes the seat is his."""
    hers = await scene.held(scene.ada_asks, scene.ada, 0)
    paying = asyncio.create_task(scene.purchase(scene.ada_asks, scene.ada, hers))
    await scene.provider.on_its_way.wait()
    with scene.witness.noting(Action.LET_LAPSE, scene.ada, hers.id):
        await let_a_minute_pass(scene.hall, hers.id)
    await scene.held(scene.bob_asks, scene.bob, 0)
    scene.provider.may_arrive.set()
    await paying


async def ada_pays_so_slowly_that_bob_buys_her_seat(scene: Cast) -> None:
    """The same, and he has his ticket before the bank answers her.

    Somebody else holds a seat all the while: else a counter would fall below zero and tell.
    """
    await scene.held(scene.bob_asks, Buyer(uuid4()), 5)
    hers = await scene.held(scene.ada_asks, scene.ada, 0)
    paying = asyncio.create_task(scene.purchase(scene.ada_asks, scene.ada, hers))
    await scene.provider.on_its_way.wait()
    with scene.witness.noting(Action.LET_LAPSE, scene.ada, hers.id):
        await let_a_minute_pass(scene.hall, hers.id)
    his = await scene.held(scene.bob_asks, scene.bob, 0)
    bought = await scene.purchase(scene.bob_asks, scene.bob, his)
    assert bought.order is not None, bought
    scene.provider.may_arrive.set()
    await paying


async def both_ask_for_one_seat_at_the_same_time(scene: Cast) -> None:
    await asyncio.gather(
        scene.reserve(scene.ada_asks, scene.ada, 0), scene.reserve(scene.bob_asks, scene.bob, 0)
    )


async def ada_asks_for_more_in_two_tabs_at_once(scene: Cast) -> None:
    """She has one seat, may have three, and asks for two more at each of two servers."""
    await scene.held(scene.ada_asks, scene.ada, 0)
    await asyncio.gather(
        scene.reserve(scene.ada_asks, scene.ada, 1, 2),
        scene.reserve(scene.bob_asks, scene.ada, 3, 4),
    )


async def ada_reserves_a_seat_and_another(scene: Cast) -> None:
    await scene.held(scene.ada_asks, scene.ada, 0)
    await scene.held(scene.bob_asks, scene.ada, 1)


async def ada_buys_a_seat_and_returns_it(scene: Cast) -> None:
    hers = await scene.held(scene.ada_asks, scene.ada, 0)
    scene.provider.may_arrive.set()
    bought = await scene.purchase(scene.ada_asks, scene.ada, hers)
    assert bought.order is not None, bought
    order_id = bought.order.id
    question = Question(
        Action.CANCEL_ORDER,
        scene.ada,
        order_id,
        lambda door: door.cancel_order(scene.ada, order_id, "another"),
    )
    await scene.witness.settle(question, lambda: scene.bob_asks)


Scene = Callable[[Cast], Awaitable[None]]
