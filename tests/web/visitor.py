"""Somebody at GraphiQL: what they do and see, and what their browser did without telling them."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Self

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Route,
    ViewportSize,
    WebSocket,
    expect,
)

WINDOW = ViewportSize(width=1360, height=860)
#: The editor tells which of its workers it starts.
CHATTER = re.compile(r"^setup-workers/vite ")


@dataclass(slots=True)
class Noticed:
    """What happened behind the page."""

    #: Requests to others than the server. None gets there.
    elsewhere: list[str] = field(default_factory=list)
    #: Errors, warnings, and breaches of the page's policy.
    complaints: list[str] = field(default_factory=list)
    #: Requests to the API, and first messages of sockets.
    asked: list[Request] = field(default_factory=list)
    introductions: list[str] = field(default_factory=list)


class Visitor:
    """One window of a browser."""

    def __init__(self, page: Page, url: str, noticed: Noticed) -> None:
        self.page = page
        self.noticed = noticed
        self._url = url

    @classmethod
    async def comes(cls, browser: Browser, url: str) -> Self:
        """Open the page as somebody who was never here."""
        noticed = Noticed()
        context = await browser.new_context(viewport=WINDOW)
        await shut_the_network(context, url, noticed)
        page = await context.new_page()
        watch(page, url, noticed)
        visitor = cls(page, url, noticed)
        await visitor.loads()
        return visitor

    async def loads(self) -> None:
        """Load the page and wait until one can work with it."""
        await self.page.goto(f"{self._url}/graphiql")
        await expect(self.page.get_by_role("button", name="Execute query")).to_be_visible()
        await expect(self.page.locator(".graphiql-query-editor .view-lines")).to_be_visible()

    async def goes_to(self, tab: str, *, knows: str | None = None) -> None:
        """Open a tab; wait until the variable is filled in which is to be known by then."""
        await self.page.get_by_role("tab", name=tab, exact=True).click()
        await expect(self.page.locator(".graphiql-query-editor")).to_contain_text(tab)
        if knows is not None:
            filled = re.compile(rf'"{knows}":\s(?!""|\[\])')
            await expect(self.variables).to_have_text(filled)

    async def plays(self, *, sees: str) -> None:
        """Press the play button, and wait for what the answer is to hold."""
        await self.page.get_by_role("button", name="Execute query").click()
        await self.sees(sees)

    async def sees(self, text: str) -> None:
        """Wait until the answer holds this."""
        await expect(self.page.locator(".graphiql-response .view-lines")).to_contain_text(text)

    async def reads_the_documentation(self, *, sees: str) -> None:
        """Open the pane that the server's own description of the API fills."""
        await self.page.get_by_role("button", name="Show Documentation Explorer").click()
        await expect(self.page.locator(".graphiql-plugin")).to_contain_text(sees)

    async def starts_a_session(self) -> None:
        """Become a guest, by one click."""
        await self.page.get_by_role("button", name="Start a guest session").click()
        await self.is_a_guest()

    async def is_a_guest(self) -> None:
        """Wait until the page says so."""
        await expect(self.page.get_by_role("status")).to_have_text(re.compile("^Guest "))

    async def reads_variables(self) -> Any:
        """Read what the open tab is about."""
        text = await self.variables.inner_text()
        return json.loads(text.replace("\xa0", " "))

    @property
    def variables(self) -> Locator:
        """The editor of variables."""
        editors = self.page.get_by_role("region", name="Variables")
        return editors.locator(".graphiql-editor:not(.hidden) .view-lines")


async def shut_the_network(context: BrowserContext, url: str, noticed: Noticed) -> None:
    """Let nothing out but to the server, and note what wants to."""

    async def decide(route: Route) -> None:
        if route.request.url.startswith(f"{url}/"):
            await route.continue_()
        else:
            noticed.elsewhere.append(route.request.url)
            await route.abort()

    await context.route("**/*", decide)


def watch(page: Page, url: str, noticed: Noticed) -> None:
    """Note what a person does not see."""

    def hear(message: ConsoleMessage) -> None:
        if not CHATTER.match(message.text):
            noticed.complaints.append(f"{message.type}: {message.text}")

    def see(request: Request) -> None:
        if request.url == f"{url}/graphql":
            noticed.asked.append(request)

    def open_line(line: WebSocket) -> None:
        if not line.url.startswith(f"{url.replace('http', 'ws')}/"):
            noticed.elsewhere.append(line.url)
        line.on("framesent", introduce)

    def introduce(frame: str | bytes) -> None:
        if "connection_init" in str(frame):
            noticed.introductions.append(str(frame))

    page.on("console", hear)
    page.on("pageerror", lambda error: noticed.complaints.append(str(error)))
    page.on("request", see)
    page.on("websocket", open_line)
