"""What Python's garbage collector costs a server: `python -m bench.garbage [ROUNDS]`.

Servers that differ in nothing else sell in turns to 64 buyers at once: two seats each, which are
then given back. Told are the CPU of a request, how long the collector stood in the way (by its own
CPU, for the machine may be busy), what it found, and by how much the memory grew.
"""

import asyncio
import json
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from subprocess import DEVNULL, PIPE, Popen
from tempfile import TemporaryDirectory
from typing import Any

from bench.processes import END_SECONDS_MAX, ROOT, BenchError, cpu_seconds

ROUNDS, BUYERS, CONNECTIONS = 3, 400, 64
PAUSE_SECONDS = 0.5
PAGE_BYTES = 4_096
#: How each variant is told to Python, once everything is imported and open.
VARIANTS = {
    "Python's defaults": "pass",
    "frozen": "gc.freeze()",
    "frozen, after 10,000 (onsale)": "gc.freeze(); gc.set_threshold(10_000, 20, 50)",
    "frozen, after 50,000": "gc.freeze(); gc.set_threshold(50_000, 20, 50)",
    "frozen, off": "gc.freeze(); gc.disable()",
}
#: Becomes a server whose collector does as a variant says, and notes what it does.
PROGRAM = """
import atexit, gc, json, runpy, sys, time
import onsale.garbage
note, pauses, began = sys.argv.pop(1), [], 0.0

def look(phase, info):
    global began
    if phase == "start":
        began = time.thread_time()
    else:
        pauses.append((info["generation"], time.thread_time() - began, info["collected"]))

def settle():
    gc.set_threshold(700, 10, 10)
    {variant}
    gc.callbacks.append(look)

def tell():
    gc.callbacks.remove(look)
    left = gc.collect()
    json.dump({{"pauses": pauses, "left": left}}, open(note, "w"))

atexit.register(tell)
onsale.garbage.look_seldom = lambda: None
onsale.garbage.spare_what_stays = settle
runpy.run_module("onsale", run_name="__main__")
"""
COLUMNS = (
    "CPU µs",
    "of these the collector's",
    "pauses in 1,000 requests",
    "ms each, median and worst but 1 %",
    "garbage a request, objects",
    "MB grown in 10,000 requests",
)
FIND = "{ events(first: 50) { nodes { id status seatMap { seatCount } } } }"
GUEST = "mutation { startGuestSession { token } }"
RESERVE = """mutation ($input: ReserveSeatsInput!) {
  reserveSeats(input: $input) { reservation { id expiresAt } errors { __typename } } }"""
CANCEL = """mutation ($input: CancelReservationInput!) {
  cancelReservation(input: $input) { reservation { id status } errors { __typename } } }"""


@dataclass(slots=True)
class Server:
    """One of the servers, and what was found out about it."""

    name: str
    note: Path
    process: "Popen[str]"
    port: int
    tokens: list[str] = field(default_factory=list)
    requests: int = 0
    cpu_us: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)


class Line(asyncio.Protocol):
    """A connection with one request under way at most."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport), "it is TCP"
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        """Wait for a whole answer; it says its length."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
        if end and len(body) >= int(length):
            self._received = b""
            self._answer.set_result(body)

    async def ask(self, document: str, token: str = "", **variables: Any) -> Any:
        """Ask, and give the data of the answer. Raises BenchError."""
        body = json.dumps({"query": document, "variables": variables})
        self._answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._transport.write(
            f"POST /graphql HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            f"{f'authorization: Bearer {token}' if token else 'x-guest: yes'}\r\n"
            f"content-length: {len(body)}\r\n\r\n{body}".encode()
        )
        answer = json.loads(await self._answer)
        if answer.get("errors"):
            raise BenchError(f"The server answered: {answer}")
        return answer["data"]


def main(rounds: int = ROUNDS) -> None:
    """Measure, and print a row of Markdown for each variant."""
    with TemporaryDirectory(prefix="onsale-bench-") as folder, ExitStack() as stack:
        servers = [
            stack.enter_context(selling(name, variant, Path(folder)))
            for name, variant in VARIANTS.items()
        ]
        asyncio.run(measure(servers, rounds))
        for server in servers:
            end(server)
        print("|", *COLUMNS, "\n" + "|---" * (len(COLUMNS) + 1) + "|", sep=" | ")  # noqa: T201 - the answer.
        for server in servers:
            print(row(server))  # noqa: T201


@contextmanager
def selling(name: str, variant: str, folder: Path) -> Iterator[Server]:
    """Run a server with such a collector; the first one starts the services of all."""
    note = folder / f"{len(list(folder.glob('*.note')))}.note"
    note.touch()
    program = PROGRAM.format(variant=variant)
    given = {"ONSALE_DATA_DIR": str(folder), "ONSALE_PORT": "0", "PATH": "/usr/bin:/bin"}
    given |= {"ONSALE_COST_PER_BUYER": "0", "HOME": str(folder)}
    with Popen(  # noqa: S603 - our own program.
        [sys.executable, "-c", program, str(note), "serve", "--demo"],
        env=given, cwd=ROOT, stdout=PIPE, stderr=DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None, "it is a pipe"
        said = next((line for line in process.stdout if "API (POST" in line), None)
        if said is None:
            raise BenchError("The server did not become ready.")
        server = Server(name, note, process, int(said.split(":")[2].split("/")[0]))
        try:
            yield server
        finally:
            end(server)


def end(server: Server) -> None:
    """Let it end, and write its note."""
    server.process.terminate()
    server.process.wait(END_SECONDS_MAX)


async def measure(servers: Sequence[Server], rounds: int) -> None:
    """Let the servers sell in turns; the first round only warms them up."""
    for turn in range(rounds + 1):
        for server in servers:
            await asyncio.sleep(PAUSE_SECONDS)
            await sell(server, counts=turn > 0)


async def sell(server: Server, *, counts: bool) -> None:
    """Let every buyer reserve, and then cancel."""
    loop = asyncio.get_running_loop()
    opened = [loop.create_connection(Line, "127.0.0.1", server.port) for _ in range(CONNECTIONS)]
    lines = [line for _, line in await asyncio.gather(*opened)]
    event = await find_arena(lines[0])
    while len(server.tokens) < BUYERS:
        guests = await asyncio.gather(*(line.ask(GUEST) for line in lines))
        server.tokens += [guest["startGuestSession"]["token"] for guest in guests]
    seats = random.sample(range(18_000), 2 * BUYERS)
    pairs = zip(server.tokens, zip(seats[::2], seats[1::2], strict=True), strict=False)
    cpu = cpu_seconds(server.process.pid)

    async def buy(line: Line) -> None:
        for token, pair in pairs:
            wish = {"eventId": event, "seatIndexes": pair}
            made = (await line.ask(RESERVE, token, input=wish))["reserveSeats"]["reservation"]
            if made is None:
                raise BenchError("A reservation was refused.")
            await line.ask(CANCEL, token, input={"reservationId": made["id"]})

    await asyncio.gather(*map(buy, lines))
    if counts:
        used = cpu_seconds(server.process.pid) - cpu
        server.requests += 2 * BUYERS
        server.cpu_us.append(used / (2 * BUYERS) * 1e6)
        server.megabytes.append(resident_megabytes(server.process.pid))


async def find_arena(line: Line) -> str:
    """Find an event with 20,000 seats that is on sale. Raises BenchError."""
    for event in (await line.ask(FIND))["events"]["nodes"]:
        if event["status"] == "ON_SALE" and event["seatMap"]["seatCount"] >= 20_000:  # noqa: PLR2004
            return str(event["id"])
    raise BenchError("No arena is on sale.")


def resident_megabytes(pid: int) -> float:
    """Tell how much memory a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


def row(server: Server) -> str:
    """Tell what was found, as a row of a table."""
    noted = json.loads(server.note.read_text())
    seconds = sorted(seconds for _, seconds, _ in noted["pauses"]) or [0.0]
    found = noted["left"] + sum(collected for *_, collected in noted["pauses"])
    asked = server.requests * (1 + 1 / len(server.cpu_us))  # Warming up made garbage, too.
    grown = (server.megabytes[-1] - server.megabytes[0]) / max(len(server.megabytes) - 1, 1)
    worst = seconds[-1 - len(seconds) // 100]
    return (
        f"| {server.name} | {median(server.cpu_us):.0f} | {sum(seconds) / asked * 1e6:.0f}"
        f" | {len(noted['pauses']) / asked * 1e3:.1f}"
        f" | {median(seconds) * 1e3:.1f}, {worst * 1e3:.1f} | {found / asked:.1f}"
        f" | {grown / (2 * BUYERS) * 10_000:+.1f} |"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
