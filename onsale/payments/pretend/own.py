"""A pretending provider of our own: started where no other is named, and again when it dies.

It is a process of its own, so that whatever becomes of this one, the provider remembers what it has
done. It ends with us, even if we are killed: then its standard input ends.
"""

import asyncio
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

ROOT = Path(__file__).parents[3]
END_SECONDS_MAX = 3.0
PAUSE_SECONDS = 0.5
RECORD = "pretend-payments.sqlite3"

log = structlog.get_logger("onsale.payments")


@dataclass(frozen=True, slots=True)
class OwnProvider:
    """Where it is, and the key it wants."""

    url: str
    key: str


@asynccontextmanager
async def own_provider(data_dir: Path, notify: str | None) -> AsyncIterator[OwnProvider]:
    """Run one for as long as the block lasts; does not wait until it answers.

    We hold its door: who knocks before it is there, or while it is started again, waits in line.
    """
    with socket.create_server(("127.0.0.1", 0)) as door:
        key = secrets.token_urlsafe(32)
        argv = ["--fd", str(door.fileno()), *(["--notify", notify] if notify else [])]
        keep = _keep(argv, door, key, prepared(data_dir))
        keeping = asyncio.create_task(keep, name="Payment provider")
        try:
            yield OwnProvider(f"http://127.0.0.1:{door.getsockname()[1]}", key)
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping


def prepared(data_dir: Path) -> Path:
    """Give the folder as it is called from anywhere; it is there then."""
    data_dir.mkdir(parents=True, exist_ok=True)
    return data_dir.absolute()


async def _keep(argv: list[str], door: socket.socket, key: str, data_dir: Path) -> None:
    """Start it, and again whenever it ends or cannot be started."""
    while True:
        try:
            process = await _start(argv, door, key, data_dir)
        except OSError:  # No file descriptor is free, or no room on the disk: now.
            log.exception("The pretending payment provider cannot be started; it is tried again")
        else:
            await _watch(process)
        await asyncio.sleep(PAUSE_SECONDS)


async def _start(
    argv: list[str], door: socket.socket, key: str, data_dir: Path
) -> asyncio.subprocess.Process:
    with (prepared(data_dir) / "pretend-payments.log").open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "onsale", "pretend-payments", *argv),
            cwd=ROOT,
            env=os.environ | {"ONSALE_PAYMENTS_KEY": key, "ONSALE_DATA_DIR": str(data_dir)},
            pass_fds=[door.fileno()],
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C in the terminal is for us, who end it in order.
        )


async def _watch(process: asyncio.subprocess.Process) -> None:
    """Wait for its end; ended ourselves, end it."""
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        await _end(process)
        raise
    log.error("The pretending payment provider has ended; it is started again", exit_code=code)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let it end, and insist when it does not."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(END_SECONDS_MAX):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
