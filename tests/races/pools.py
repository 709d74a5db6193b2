"""Connections for many clients of one program."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

#: Longer than a buyer's call is waited for by a server (8 s) and promised at most (10 s).
CLIENT_SECONDS_MAX = 15.0


@asynccontextmanager
async def connection_pools(count: int) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Open many small pools: a large one costs httpx 9 ms a call."""
    # Let go of idle connections before the servers do (5 s), or a request may meet a closing one.
    limits = httpx.Limits(max_keepalive_connections=8, keepalive_expiry=2)
    context = ssl.create_default_context()
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    timeout=CLIENT_SECONDS_MAX,
                    limits=limits,
                    verify=context,
                    trust_env=False,
                    # A buyer is known by the token that is given, never by somebody's cookie.
                    cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                )
            )
            for _ in range(count)
        ]
