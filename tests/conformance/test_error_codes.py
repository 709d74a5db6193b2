"""Every error has a code of the closed list, and tells nothing that is nobody's business (R11)."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from graphql import build_schema

from box_office.refusals import Refusal
from onsale.embedded import Services
from schema.errors import ErrorCode
from schema.ids import NodeKind, encode_id
from tests.conformance.codes import codes_from_nowhere, trees, used_codes
from tests.conformance.provoking import (
    Scene,
    Told,
    codes_of,
    manifest,
    provoked,
    silence,
)
from tests.conformance.venue import Venue, open_venue
from tests.house.test_errors_page import REFUSALS, TOP_LEVEL, headings
from tests.servers import ROOT

ALL = {code.value for code in ErrorCode}


@pytest.fixture(scope="module")
def scene(
    services: Services, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """Open a server with small budgets, and one that is locked."""
    folder: Path = tmp_path_factory.mktemp("codes")
    locked = {"ONSALE_TRUSTED_DOCUMENTS": str(manifest(folder)), "ONSALE_LOCKED": "true"}
    with ThreadPoolExecutor() as beside, open_venue(services, template, folder, **locked) as other:
        late = beside.submit(silence, other)
        with open_venue(services, template, folder, ONSALE_COST_PER_BUYER="5000") as venue:
            yield Scene(venue, other, venue.asker("somebody"), venue.guest("a stranger"), late)


@pytest.fixture(scope="module")
def told(scene: Scene, refusals: object) -> list[Told]:  # noqa: ARG001 - the silence lasts longer.
    """Let everything go wrong once."""
    return provoked(scene)


# The list is closed.


def test_r11_every_code_is_documented_and_no_other() -> None:
    assert headings(TOP_LEVEL) == [code.value for code in ErrorCode]
    assert set(headings(REFUSALS)) == {refusal.code for refusal in Refusal.__subclasses__()}


def test_r11_every_code_is_used_and_none_is_written_past_the_list() -> None:
    strangers = {
        (str(path.relative_to(ROOT)), code)
        for path, tree in trees()
        for code in codes_from_nowhere(tree)
    }

    assert used_codes() == {code.name for code in ErrorCode}
    assert strangers == set()


@pytest.mark.parametrize(
    "source",
    [
        'answer = {"code": "TEAPOT"}',
        'plain_error("x", code="TEAPOT")',
        'error.extensions["code"] = "TEAPOT"',
        'answer = {"extensions": {"code": f"TEAPOT_{number}"}}',
    ],
)
def test_r11_a_code_past_the_list_would_be_found(source: str) -> None:
    (found,) = codes_from_nowhere(ast.parse(source))

    assert "TEAPOT" in found


def test_r11_no_two_lists_share_a_code() -> None:
    assert not ALL & {refusal.code for refusal in Refusal.__subclasses__()}


# Each code is told, by a whole server.


@pytest.mark.parametrize("code", ErrorCode)
def test_r11_every_top_level_code_can_be_met(told: list[Told], code: ErrorCode) -> None:
    assert code.value in codes_of(told)


def test_r11_every_error_has_a_code_of_the_list(told: list[Told]) -> None:
    assert codes_of(told) <= ALL
    assert all(error["message"] and error["extensions"]["code"] for t in told for error in t.errors)


#: What the page promises of the status, apart from 200 for older clients.
STATUSES = {
    "BAD_REQUEST": {400, 404, 405, 406, 413, 415},
    "TRANSPORT_NOT_SUPPORTED": {400, 405},
    "UNAUTHENTICATED": {200, 401, 403},
    "TOO_MANY_REQUESTS": {429},
    "TIMEOUT": {503},
}


@pytest.mark.parametrize("code", ErrorCode)
def test_r11_the_status_is_the_one_that_the_page_tells(told: list[Told], code: ErrorCode) -> None:
    seen = {answer.status for answer in told if code.value in answer.codes} - {None}

    assert seen == STATUSES.get(code.value, {200})


def test_r11_who_asked_too_much_is_told_when_to_come_again(told: list[Told]) -> None:
    (refused,) = (answer for answer in told if answer.status == 429)

    assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_r11_what_is_too_dear_says_what_it_costs(told: list[Told]) -> None:
    (cost,) = (
        error["extensions"]["cost"]
        for answer in told
        for error in answer.errors
        if "cost" in error["extensions"]
    )

    assert cost["allowed"] == 5_000
    assert cost["asked"] > 5_000


def test_r11_a_fault_of_ours_says_nothing_but_how_to_refer_to_it(
    told: list[Told], scene: Scene
) -> None:
    faults = [error for t in told for error in t.errors if error["extensions"]["code"] == INTERNAL]
    log = [json.loads(line) for line in scene.venue.server.log.read_text().splitlines()]

    assert len(faults) == 2  # Over HTTP and over a socket.
    for fault in faults:
        request_id = fault["extensions"].pop("requestId")
        assert fault["extensions"] == {"code": INTERNAL}
        assert fault["message"] == (
            f"Something went wrong on our side. If it stays so, quote the request id {request_id}."
        )
        (line,) = (line for line in log if line.get("exception") and request_id in str(line))
        assert "event_types" in line["exception"]
    (over_http,) = (t for t in told if INTERNAL in t.codes and t.status)
    assert over_http.headers["x-request-id"] in over_http.errors[0]["message"]


INTERNAL = ErrorCode.INTERNAL_ERROR.value


# Each refusal is told, too.

MUTATION = "mutation { %s { errors { __typename ... on UserError { code message path } } } }"


class Buying:
    """A buyer, an event of their own, and what they try there."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.buyer = venue.guest("a buyer")
        self.event_key = venue.another_event(seats_per_buyer_max=2).id

    def reserve(self, *seats: int, event: str | None = None) -> str:
        event = event or encode_id(NodeKind.EVENT, self.event_key)
        return f'reserveSeats(input: {{eventId: "{event}", seatIndexes: {list(seats)}}})'

    def reserved(self, *seats: int) -> str:
        answer = self.buyer.do(f"mutation {{ {self.reserve(*seats)} {{ reservation {{ id }} }} }}")
        return str(answer["reservation"]["id"])

    def purchase(self, reservation: str, token: str = "pretend_ok", email: str = "a@b.org") -> str:
        return (
            f'purchaseReservation(input: {{reservationId: "{reservation}", email: "{email}",'
            f' paymentToken: "{token}", idempotencyKey: "{token}"}})'
        )

    def ordered(self, *seats: int) -> str:
        bought = self.purchase(self.reserved(*seats))
        return str(self.buyer.do(f"mutation {{ {bought} {{ order {{ id }} }} }}")["order"]["id"])

    def refused(self, *calls: str) -> list[dict[str, Any]]:
        """Make calls one after the other, and give why the last did not work."""
        answers = [self.buyer.do(MUTATION % call)["errors"] for call in calls]
        return list(answers[-1])

    def execute(self, statement: str) -> None:
        """Do something to this event behind the server's back."""
        self.venue.execute(statement, self.event_key)


def cancel_reservation(reservation: str) -> str:
    return f'cancelReservation(input: {{reservationId: "{reservation}"}})'


def cancel_order(order: str, key: str = "1") -> str:
    return f'cancelOrder(input: {{orderId: "{order}", idempotencyKey: "{key}"}})'


def while_sales_are_paused(buying: Buying) -> list[dict[str, Any]]:
    buying.execute("UPDATE events SET state = 'PAUSED' WHERE id = $1")
    return buying.refused(buying.reserve(0))


def for_a_seat_of_somebody_else(buying: Buying) -> list[dict[str, Any]]:
    buying.reserved(0)
    buying.buyer = buying.venue.guest("another buyer")
    return buying.refused(buying.reserve(0))


def when_time_is_up(buying: Buying) -> list[dict[str, Any]]:
    reservation = buying.reserved(0)
    earlier = "now() - interval '1 second'"
    buying.execute(f"UPDATE reservations SET expires_at = {earlier} WHERE event_id = $1")
    buying.execute(
        f"UPDATE event_seats SET held_until = {earlier} WHERE event_id = $1 AND state = 1"
    )
    return buying.refused(buying.purchase(reservation))


def after_the_purchase(buying: Buying) -> list[dict[str, Any]]:
    reservation = buying.reserved(0)
    return buying.refused(buying.purchase(reservation), cancel_reservation(reservation))


def with_the_key_of_another_call(buying: Buying) -> list[dict[str, Any]]:
    reservation = buying.reserved(0)
    return buying.refused(
        buying.purchase(reservation), buying.purchase(reservation, email="other@b.org")
    )


def twice(buying: Buying) -> list[dict[str, Any]]:
    order = buying.ordered(0)
    return buying.refused(cancel_order(order), cancel_order(order, "2"))


NO_RESERVATION = encode_id(NodeKind.RESERVATION, uuid4())
NO_ORDER = encode_id(NodeKind.ORDER, uuid4())

#: How each refusal is met.
WAYS: dict[str, Callable[[Buying], list[dict[str, Any]]]] = {
    "EVENT_NOT_FOUND": lambda b: b.refused(b.reserve(0, event="x")),
    "NOT_ON_SALE": while_sales_are_paused,
    "SEATS_UNAVAILABLE": for_a_seat_of_somebody_else,
    "SEATS_UNKNOWN": lambda b: b.refused(b.reserve(99)),
    "SEAT_LIMIT_EXCEEDED": lambda b: b.refused(b.reserve(0, 1, 2)),
    "RESERVATION_NOT_FOUND": lambda b: b.refused(b.purchase(NO_RESERVATION)),
    "RESERVATION_EXPIRED": when_time_is_up,
    "RESERVATION_NOT_OPEN": after_the_purchase,
    "PAYMENT_DECLINED": lambda b: b.refused(b.purchase(b.reserved(0), "pretend_declined")),
    "PAYMENT_ACTION_REQUIRED": lambda b: b.refused(
        b.purchase(b.reserved(0), "pretend_action_required")
    ),
    "OUTCOME_UNKNOWN": lambda b: b.refused(b.purchase(b.reserved(0), "pretend_error")),
    "IDEMPOTENCY_KEY_REUSED": with_the_key_of_another_call,
    "ORDER_NOT_FOUND": lambda b: b.refused(cancel_order(NO_ORDER)),
    "ORDER_NOT_CANCELLABLE": twice,
    "INVALID_INPUT": lambda b: b.refused(b.purchase(NO_RESERVATION, email="nobody")),
}


AT_A_TIME = 4


@pytest.fixture(scope="module")
def refusals(scene: Scene) -> dict[str, list[dict[str, Any]]]:
    """Meet every refusal once, each at an event of its own, several at a time."""
    with ThreadPoolExecutor(AT_A_TIME) as buyers:
        met = buyers.map(lambda way: way(Buying(scene.venue)), WAYS.values())
        return dict(zip(WAYS, met, strict=True))


@pytest.mark.parametrize("code", WAYS)
def test_r11_every_refusal_can_be_met(refusals: dict[str, Any], code: str) -> None:
    (refusal,) = refusals[code]

    assert refusal["code"] == code
    assert refusal["__typename"].upper() == code.replace("_", "")


def test_r11_there_is_a_way_to_every_refusal() -> None:
    assert set(WAYS) == set(headings(REFUSALS))


# Nothing is told that is nobody's business.

SQL = re.compile(
    r'\b(?:SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|ALTER TABLE)\b|relation "|column "|\$\d\b'
)
PATHS = re.compile(r'(?:/[\w.-]+){3,}|\.py\b|File "|Traceback|line \d+, in ')
CAMEL = re.compile(r"\b(?:[A-Z][a-z0-9]+){2,}\b")
NAMES_OF_THE_API = set(
    build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8")).type_map
)
#: What clients of Apollo and urql look for, word for word.
MADE_COMMON = {"PersistedQueryNotFound", "PersistedQueryNotSupported"}


def exception_names() -> set[str]:
    """Name every class of exceptions that is known in this process, onsale's own among them."""
    found, left = set[type[BaseException]](), [BaseException]
    while left:
        for kind in left.pop().__subclasses__():
            if kind not in found:
                found.add(kind)
                left.append(kind)
    return {kind.__name__ for kind in found} - NAMES_OF_THE_API - MADE_COMMON


def messages(told: list[Told], refusals: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Give all that was said, with what stands beside it."""
    top_level = [json.dumps(error, ensure_ascii=False) for t in told for error in t.errors]
    return top_level + [json.dumps(r, ensure_ascii=False) for rs in refusals.values() for r in rs]


def test_r11_no_message_tells_of_our_inside(
    told: list[Told], refusals: dict[str, Any], scene: Scene
) -> None:
    said = messages(told, refusals)
    foreign = exception_names()
    password = urlsplit(scene.venue.database_url).password or ""
    secrets = [password, scene.stranger.token or "", "onsale-tests-", str(ROOT)]

    assert len(said) > 60
    assert password
    assert [text for text in said if SQL.search(text)] == []
    assert [text for text in said if PATHS.search(text)] == []
    assert [text for text in said if foreign & set(CAMEL.findall(text))] == []
    assert [text for text in said if any(secret in text for secret in secrets)] == []


@pytest.mark.parametrize(
    "text",
    [
        'relation "event_types" does not exist',
        "SELECT key, name FROM event_types",
        'File "server", line 5, in run',
        "/srv/onsale/schema/events.py",
        "asyncpg.exceptions.UndefinedTableError: gone",
        "ValueError: invalid literal for int()",
    ],
)
def test_r11_a_message_that_told_of_it_would_be_found(text: str) -> None:
    names = exception_names() & set(CAMEL.findall(text))

    assert SQL.search(text) or PATHS.search(text) or names
