"""R27: GraphiQL in a real browser that reaches nothing but onsale."""

import json
import os
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser

from tests.servers import ROOT, ServerProcess
from tests.web.visitor import Visitor

#: Set it to anything to keep the pictures of the documentation.
KEEP = "KEEP_SCREENSHOTS"
FREE = "query ($id: ID!) { event(by: {id: $id}) { seats(status: AVAILABLE) { index } } }"
RESERVE = """mutation ($eventId: ID!, $seatIndexes: [Int!]!) {
  reserveSeats(input: { eventId: $eventId, seatIndexes: $seatIndexes }) { reservation { id } } }"""


async def test_r27_the_tabs_tell_the_whole_story_and_ask_nobody_but_onsale(
    browser: Browser, server: ServerProcess, tmp_path: Path
) -> None:
    ada = await Visitor.comes(browser, server.url)

    await ada.plays(sees='"totalCount"')
    await ada.goes_to("SeatMap", knows="eventId")
    await ada.plays(sees='"layoutUrl"')
    await ada.starts_a_session()
    await ada.goes_to("ReserveSeats", knows="seatIndexes")
    await ada.plays(sees='"expiresInSeconds"')
    await ada.page.screenshot(path=picture("graphiql.png", tmp_path))
    await ada.goes_to("Purchase", knows="reservationId")
    await ada.plays(sees='"PAID"')
    await ada.goes_to("Cancel", knows="orderId")
    await ada.plays(sees='"REFUNDED"')
    await ada.reads_the_documentation(sees="subscription: Subscription")

    assert await ada.page.title() == "onsale"
    assert ada.noticed.elsewhere == []
    assert ada.noticed.complaints == []


async def test_r27_a_subscription_and_a_session_are_what_they_say(
    browser: Browser, server: ServerProcess
) -> None:
    ada = await Visitor.comes(browser, server.url)
    await ada.goes_to("WatchSeats", knows="eventId")
    event = (await ada.reads_variables())["eventId"]
    await ada.plays(sees='"AvailabilitySnapshot"')

    taken = somebody_reserves(server, event)
    await ada.sees(f'"index": {taken[0]}')
    await ada.starts_a_session()
    await ada.sees('"AvailabilitySnapshot"')  # What was watched goes on, as the guest.
    token = json.loads(await ada.page.evaluate("localStorage['onsale:guest-session']"))["token"]
    assert token in ada.noticed.introductions[-1]
    taken = somebody_reserves(server, event)
    await ada.sees(f'"index": {taken[0]}')

    await ada.loads()
    await ada.is_a_guest()
    await ada.goes_to("BrowseEvents")
    await ada.plays(sees='"totalCount"')
    headers = await ada.noticed.asked[-1].all_headers()
    assert headers["authorization"] == f"Bearer {token}"
    assert "cookie" not in headers
    assert ada.noticed.elsewhere == []
    assert ada.noticed.complaints == []


async def test_r27_a_session_that_the_server_does_not_know_is_ended(
    browser: Browser, server: ServerProcess
) -> None:
    ada = await Visitor.comes(browser, server.url)
    stale = {"token": "of.another.house", "viewer": {"id": ""}}
    forget = "session => { localStorage.clear(); localStorage['onsale:guest-session'] = session }"
    await ada.page.evaluate(forget, json.dumps(stale))

    await ada.loads()
    await ada.starts_a_session()
    await ada.goes_to("ReserveSeats", knows="seatIndexes")
    await ada.plays(sees='"expiresInSeconds"')


def somebody_reserves(server: ServerProcess, event: str) -> list[int]:
    """Reserve two seats as another guest, by another program."""
    found = ask(server, FREE, {"id": event})
    seats = [seat["index"] for seat in found["event"]["seats"][:2]]
    token = ask(server, "mutation { startGuestSession { token } }")["startGuestSession"]["token"]
    reserved = ask(server, RESERVE, {"eventId": event, "seatIndexes": seats}, token)
    assert reserved["reserveSeats"]["reservation"] is not None
    return seats


def ask(
    server: ServerProcess, query: str, variables: dict[str, Any] | None = None, token: str = ""
) -> Any:
    """Ask the API."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    question = {"query": query, "variables": variables or {}}
    answer = httpx.post(server.graphql_url, json=question, headers=headers).json()
    assert "errors" not in answer, answer
    return answer["data"]


def picture(name: str, folder: Path) -> Path:
    """Say where a picture goes: among the documentation only when that is asked for."""
    return ROOT / "docs" / "images" / name if os.environ.get(KEEP) else folder / name
