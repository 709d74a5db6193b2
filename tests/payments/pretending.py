"""The pretending provider for tests: as a process that may be killed, or within this one."""

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx

from onsale.payments.pretend.adapter import PretendProvider
from onsale.payments.pretend.own import RECORD
from onsale.payments.pretend.program import create_provider
from onsale.payments.pretend.record import Record
from tests.servers import ROOT, free_port

KEY = "a key of the tests"
START_SECONDS_MAX = 60.0


class Pretending:
    """`python -m onsale pretend-payments`, always at the same port, so that it comes back there."""

    def __init__(
        self, folder: Path, *, notify: tuple[str, ...] = (), slow_seconds: float = 20
    ) -> None:
        self.key = KEY
        self.record = folder / RECORD
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._argv = ["--port", str(self._port), "--slow-seconds", str(slow_seconds)]
        #: Read when it starts, so that whoever it tells may first have to know its own URL.
        self.notify = notify
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        notify = [word for url in self.notify for word in ("--notify", url)]
        with (self.record.parent / "provider.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "onsale", "pretend-payments", *self._argv, *notify],
                cwd=ROOT,
                env=os.environ
                | {"ONSALE_PAYMENTS_KEY": self.key, "ONSALE_DATA_DIR": str(self.record.parent)},
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                assert httpx.get(f"{self.url}/v1/charges/none").status_code == 401
            except httpx.TransportError:
                assert time.monotonic() < end, "the provider does not start"
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """Let it die in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    async def approve(self, client_secret: str) -> None:
        """Say yes, at the bank's page."""
        answer = await self._decide(client_secret, "approve")
        assert answer.is_success, answer.text

    async def refuse(self, client_secret: str) -> None:
        """Say no, at the bank's page."""
        answer = await self._decide(client_secret, "refuse")
        assert answer.is_success, answer.text

    async def approve_in_time(self, client_secret: str) -> bool:
        """Say yes while somebody may be letting the payment go; tell whether the bank took it."""
        answer = await self._decide(client_secret, "approve")
        assert answer.is_success or (answer.status_code == 409 and "is VOIDED" in answer.text), (
            answer.text
        )
        return answer.is_success

    async def _decide(self, client_secret: str, word: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.post(f"{self.url}/actions/{client_secret}/{word}")


@contextmanager
def pretending(
    folder: Path, *, notify: tuple[str, ...] = (), slow_seconds: float = 20
) -> Iterator[Pretending]:
    """Run one for a while."""
    provider = Pretending(folder, notify=notify, slow_seconds=slow_seconds)
    provider.start()
    try:
        yield provider
    finally:
        provider.kill()


@asynccontextmanager
async def within_this_process(folder: Path) -> AsyncIterator[PretendProvider]:
    """Run one without a socket, for tests that look into its record."""
    app = create_provider(Record(folder / RECORD), KEY)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://provider",
        headers={"authorization": f"Bearer {KEY}"},
    ) as client:
        yield PretendProvider(client, KEY)
