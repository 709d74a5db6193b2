"""Exams of Redis and of the payment provider."""

import asyncio
from time import monotonic
from uuid import uuid4

import httpx
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import NoPermissionError, RedisError

from onsale.commands.asking import place_of, reason
from onsale.doctoring.findings import Notes
from onsale.embedded.binaries import REDIS_MAJOR_MIN
from onsale.redis_cluster import carrier_of
from onsale.redis_news import channels_of, connect
from onsale.settings import Settings

ANSWER_SECONDS_MAX = 2.5
START_REDIS = "Start it, or correct REDIS_URL; sales go on meanwhile, screens are up to 1 s late."
#: Whatever a server of ours asks of a Redis, as `ACL SETUSER` takes it.
ALLOW = (
    "Allow the user of REDIS_URL: +ping +ssubscribe +sunsubscribe +spublish +cluster|slots"
    " &onsale:seats:*"
)


async def look_at_redis(url: str, notes: Notes) -> None:
    """Tell the version, and how long news take."""
    where = place_of(url)
    try:
        channel = f"{channels_of(url, 'doctor')}{uuid4()}"  # Of an event that there is not.
        async with connect(url, ANSWER_SECONDS_MAX) as client:
            await _look_at_version(client, where, notes)
        carrier = await carrier_of(channel, url, ANSWER_SECONDS_MAX)
        async with connect(carrier, ANSWER_SECONDS_MAX) as client:
            seconds = await _round_trip(client, channel)
    except NoPermissionError as refusal:
        notes.wrong(f"{where} refuses us news (NOPERM): {reason(refusal)}", ALLOW, "news")
    except (OSError, ValueError, RedisError) as fault:
        why = reason(fault, ANSWER_SECONDS_MAX)
        notes.wrong(f"{where} does not answer: {why}", START_REDIS)
    else:
        notes.ok(f"a message was heard {seconds * 1_000:.1f} ms after it was published", "news")


async def _look_at_version(client: Redis, where: str, notes: Notes) -> None:
    try:
        info = await client.info("server")
    except NoPermissionError:
        notes.warn(
            f"{where} answers, but may not tell us its version (NOPERM)",
            f"onsale needs {REDIS_MAJOR_MIN} or later; +info lets the doctor look.",
        )
        return
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = str(info.get("valkey_version") or info.get("redis_version") or "0")
    if int(version.partition(".")[0]) < REDIS_MAJOR_MIN:
        notes.wrong(f"{name} {version} at {where}", f"onsale needs {REDIS_MAJOR_MIN} or later.")
    else:
        notes.ok(f"{name} {version} at {where}")


async def _round_trip(client: Redis, channel: str) -> float:
    """Send and hear as servers do."""
    async with asyncio.timeout(ANSWER_SECONDS_MAX), client.pubsub() as listener:
        await listener.ssubscribe(channel)
        await _hear("ssubscribe", listener)
        began = monotonic()
        await client.spublish(channel, b"?")
        await _hear("smessage", listener)
        return monotonic() - began


async def _hear(kind: str, listener: PubSub) -> None:
    """Wait for a message of this kind."""
    message = None
    while message is None or message["type"] != kind:
        message = await listener.get_message(timeout=None)


async def look_at_payments(settings: Settings, notes: Notes) -> None:
    """Tell whether the payment provider answers, and knows our key."""
    if settings.payments_url is None or settings.payments_key is None:
        if settings.database_url is None:
            notes.ok("each server runs one of its own, which pretends")
        else:
            notes.warn(
                "each server runs one of its own, which pretends: no money is taken",
                "Give all servers one provider: ONSALE_PAYMENTS_URL and ONSALE_PAYMENTS_KEY.",
            )
        return
    url, key = settings.payments_url, settings.payments_key.get_secret_value()
    do = "Start it (python -m onsale pretend-payments), or correct ONSALE_PAYMENTS_URL."
    try:
        async with httpx.AsyncClient(
            timeout=ANSWER_SECONDS_MAX, trust_env=False, verify=url.startswith("https:")
        ) as client:
            answer = await client.get(
                f"{url.rstrip('/')}/v1/charges/{uuid4()}",
                headers={"authorization": f"Bearer {key}"},
            )
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as fault:
        notes.wrong(f"{url} does not answer: {reason(fault, ANSWER_SECONDS_MAX)}", do)
        return
    if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        notes.wrong(f"{url} does not know our key", "Correct ONSALE_PAYMENTS_KEY.")
    elif not answer.is_success:
        notes.wrong(f"{url} answers HTTP {answer.status_code}: that is no provider", do)
    else:
        notes.ok(f"{url} answers, and knows our key")
