"""Exams of Redis and of the payment provider."""

import secrets
from time import monotonic
from uuid import uuid4

import httpx
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from onsale.commands.asking import reason
from onsale.doctoring.findings import Notes
from onsale.embedded.binaries import REDIS_MAJOR_MIN
from onsale.settings import Settings

ANSWER_SECONDS_MAX = 2.5
START_REDIS = "Start it, or correct REDIS_URL; sales go on meanwhile, screens are up to 1 s late."


async def look_at_redis(url: str, notes: Notes) -> None:
    """Tell the version, and how long news take."""
    where = url.partition("://")[2].rpartition("@")[2]
    try:
        client = Redis.from_url(
            url.replace("+cluster://", "://", 1),  # Any node of a cluster will do.
            socket_connect_timeout=ANSWER_SECONDS_MAX,
            socket_timeout=ANSWER_SECONDS_MAX,
            retry=Retry(NoBackoff(), 0),
        )
        async with client:
            await _look_at_version(client, where, notes)
            seconds = await _round_trip(client)
    except (OSError, ValueError, RedisError) as fault:
        why = reason(fault, ANSWER_SECONDS_MAX)
        notes.wrong(f"{where} does not answer: {why}", START_REDIS)
    else:
        notes.ok(f"a message was heard {seconds * 1_000:.1f} ms after it was published", "news")


async def _look_at_version(client: Redis, where: str, notes: Notes) -> None:
    info = await client.info("server")
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = str(info.get("valkey_version") or info.get("redis_version") or "0")
    if int(version.partition(".")[0]) < REDIS_MAJOR_MIN:
        notes.wrong(f"{name} {version} at {where}", f"onsale needs {REDIS_MAJOR_MIN} or later.")
    else:
        notes.ok(f"{name} {version} at {where}")


async def _round_trip(client: Redis) -> float:
    """Publish on a channel of our own and hear it."""
    channel = f"onsale-doctor-{secrets.token_hex(8)}"
    async with client.pubsub(ignore_subscribe_messages=False) as listener:
        await listener.subscribe(channel)
        await listener.get_message(timeout=ANSWER_SECONDS_MAX)  # The confirmation.
        began = monotonic()
        await client.publish(channel, "?")
        if await listener.get_message(timeout=ANSWER_SECONDS_MAX) is None:
            raise TimeoutError
        return monotonic() - began


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
