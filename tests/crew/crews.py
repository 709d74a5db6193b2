"""A server of several workers, seen from outside: by its processes, its log and its port."""

import http.client
import json
import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from onsale.crew.figures import FOLDER
from tests.servers import ServerProcess

WORKER = re.compile(r"-m\0onsale\.crew\0(\d+)\0")
FIGURE = re.compile(r"^(\w+)(\{[^}]*\})? ([-+.\deE]+)$", re.MULTILINE)
#: Of a machine that others use, too.
REPLACED_SECONDS_MAX = 90.0


@contextmanager
def crew_of_two(server: ServerProcess) -> Iterator[Counter[int]]:
    """Run it by two workers until the block ends; gives which got how many of the first to come."""
    server.environment["ONSALE_WORKERS"] = "2"
    server.begin()
    try:
        shares = first_shares(server)
        await_line(server.log, "All workers serve")
        yield shares
    finally:
        server.stop()


def workers_of(leader: int) -> dict[int, int]:
    """Give the process of each worker, by the worker's number."""
    found = {}
    for process in children_of(leader):
        if worker := WORKER.search(Path(f"/proc/{process}/cmdline").read_text()):
            found[int(worker.group(1))] = process
    return found


def children_of(parent: int) -> list[int]:
    """Give the processes that this one has started, whichever of its threads did."""
    files = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(child) for file in files for child in file.read_text().split()]


@contextmanager
def connected(server: ServerProcess, count: int) -> Iterator[list[socket.socket]]:
    """Open so many connections and keep them; each has been answered once."""
    with ExitStack() as stack:
        lines = []
        for _ in range(count):
            line = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            lines.append(stack.enter_context(line))
            whole_answer(line, "/healthz")
        yield lines


def whole_answer(line: socket.socket, path: str, headers: str = "") -> str:
    """Ask on an open connection, and read the whole answer. It has to be good."""
    line.sendall(f"GET {path} HTTP/1.1\r\nhost: tickets.example\r\n{headers}\r\n".encode())
    answer = http.client.HTTPResponse(line)
    answer.begin()
    assert answer.status == http.HTTPStatus.OK
    return answer.read().decode()


def first_shares(server: ServerProcess) -> Counter[int]:
    """Come as soon as anybody is let in, thirty-two at once; tells who gets how many."""
    deadline = monotonic() + REPLACED_SECONDS_MAX
    while True:
        try:
            with connected(server, 32) as lines:
                return Counter(worker_at(line, workers_of(server.pid)) for line in lines)
        except ConnectionRefusedError:
            assert monotonic() < deadline, "nobody was ever let in"
            sleep(0.002)


def worker_at(line: socket.socket, workers: dict[int, int]) -> int:
    """Tell which worker has the other end of a connection."""
    socket_file = f"socket:[{_inode_of_other_end(line)}]"
    for number, process in workers.items():
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            if str(descriptor.readlink()) == socket_file:
                return number
    raise AssertionError("nobody has the other end")


def _inode_of_other_end(line: socket.socket) -> str:
    ours, theirs = line.getsockname()[1], line.getpeername()[1]
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = row.split()
        local, remote = (int(fields[at].rpartition(":")[2], 16) for at in (1, 2))
        if (local, remote) == (theirs, ours):
            return fields[9]
    raise AssertionError("there is no other end")


def told(log: Path, event: str) -> list[dict[str, Any]]:
    """Give the lines of a log that tell of this."""
    lines = [line for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in map(json.loads, lines) if line["event"] == event]


def figures(text: str) -> dict[str, float]:
    """Read Prometheus' text format."""
    return {name + labels: float(value) for name, labels, value in FIGURE.findall(text)}


def await_line(log: Path, event: str, count: int = 1) -> list[dict[str, Any]]:
    """Wait until a log tells of this so many times; gives the lines."""
    deadline = monotonic() + REPLACED_SECONDS_MAX
    while len(lines := told(log, event)) < count:
        assert monotonic() < deadline, f"nothing tells that: {event}"
        sleep(0.02)
    return lines


def figures_folder_of(process: int) -> Path:
    """Give the folder in which a worker counts."""
    environment = Path(f"/proc/{process}/environ").read_text().split("\0")
    variables = dict(variable.partition("=")[::2] for variable in environment)
    return Path(variables[FOLDER])
