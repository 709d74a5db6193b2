"""Things a test may break: a Valkey of its own, and the way to the database."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis import Redis

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
        self._argv += ["--unixsocket", f"{folder}/valkey.sock"]
        self._bus = free_port()
        bus = ["--cluster-enabled", "yes", "--cluster-port", str(self._bus)]
        self._argv += [*bus, "--cluster-node-timeout", "500"] if cluster else []
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.socket_url = f"unix://{folder}/valkey.sock?db=0"

    def start(self) -> None:
        self._process = subprocess.Popen(self._argv, stdout=subprocess.DEVNULL)
        _wait_until(lambda: answers(self.url), "Valkey does not start")

    def meet(self, other: "OwnValkey") -> None:
        """Be of one cluster."""
        self.ask("CLUSTER", "MEET", "127.0.0.1", other._port, other._bus)

    def ask(self, *command: object) -> Any:
        client: Any = Redis.from_url(self.url)
        with client:
            return client.execute_command(*command)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class OwnCluster:
    """Three masters, and no replicas: what a dead one carried, nobody carries by himself."""

    #: First and last slot of each node.
    SLOTS = ((0, 5_460), (5_461, 10_922), (10_923, 16_383))

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.nodes: list[OwnValkey] = []

    @property
    def url(self) -> str:
        return self.nodes[0].url.replace("redis://", "redis+cluster://")

    def start(self) -> None:
        for slots in self.SLOTS:
            folder = self._folder / str(len(self.nodes))
            folder.mkdir()
            node = OwnValkey(folder, cluster=True)  # Now: its ports may not be free for long.
            self.nodes.append(node)
            node.start()
            node.ask("CLUSTER", "ADDSLOTSRANGE", *slots)
            if node is not self.nodes[0]:
                node.meet(self.nodes[0])
        _wait_until(self.agree, "the cluster does not come up")

    def agree(self) -> bool:
        """Whether all know of all three, and that everything is carried."""
        infos = [node.ask("CLUSTER INFO") for node in self.nodes]
        return all(
            (info["cluster_slots_ok"], info["cluster_known_nodes"]) == ("16384", "3")
            for info in infos
        )

    def move(self, slot: int, to: OwnValkey) -> None:
        """Let another node carry a slot."""
        name = to.ask("CLUSTER MYID")
        for node in (to, *self.nodes):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", name)

    def take_over(self, slots: tuple[int, int], node: OwnValkey) -> None:
        """Let a node carry what a dead one did; it tells the others."""
        node.ask("CLUSTER", "DELSLOTSRANGE", *slots)
        node.ask("CLUSTER", "ADDSLOTSRANGE", *slots)
        node.ask("CLUSTER BUMPEPOCH")

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()


def _wait_until(condition: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + START_SECONDS_MAX
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.02)


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
