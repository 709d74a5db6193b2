"""Things a test may break: a Valkey of its own, and the way to the database."""

import asyncio
import contextlib
import socket
import subprocess
import time
from pathlib import Path

from onsale.embedded.binaries import find_valkey
from onsale.embedded.ports import answers, free_port
from onsale.settings import EmbeddedSource

START_SECONDS_MAX = 10


class OwnValkey:
    """Always at the same port, so that it comes back where it was."""

    def __init__(self, folder: Path, *, cluster: bool = False) -> None:
        program = find_valkey(EmbeddedSource.AUTO)
        assert program is not None, "the tests need a Valkey or Redis"
        self._port = free_port()
        self._argv = [str(program.path), "--port", str(self._port), "--save", ""]
        self._argv += ["--bind", "127.0.0.1", "--dir", str(folder), "--logfile", "valkey.log"]
        bus = ["--cluster-enabled", "yes", "--cluster-port", str(free_port())]
        self._argv += bus if cluster else []
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        self._process = subprocess.Popen(self._argv, stdout=subprocess.DEVNULL)
        end = time.monotonic() + START_SECONDS_MAX
        while not answers(self.url):
            assert time.monotonic() < end, "Valkey does not start"
            time.sleep(0.02)

    def carry_all_slots(self) -> None:
        """Be a whole cluster alone."""
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            connection.sendall(b"CLUSTER ADDSLOTSRANGE 0 16383\r\n")
            assert connection.recv(64) == b"+OK\r\n"
            end = time.monotonic() + START_SECONDS_MAX
            answer = b""
            while b"cluster_state:ok" not in answer:
                assert time.monotonic() < end, "the cluster does not come up"
                connection.sendall(b"CLUSTER INFO\r\n")
                answer = connection.recv(65536)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class BreakableProxy:
    """Passes bytes both ways, until it is told to swallow them or to refuse everybody."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self.port = free_port()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", self.port)

    async def close(self) -> None:
        self.heal()
        await self.cut()

    def freeze(self) -> None:
        """Nobody is told anything any more, nor that it is over."""
        self._flowing.clear()

    def heal(self) -> None:
        self._flowing.set()

    async def cut(self) -> None:
        """End every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, there_writer}
        await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))
        self._writers -= {writer, there_writer}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()
