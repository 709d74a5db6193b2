"""Programs that are measured: started with a log, ended in order, and what CPU they have used."""

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
READY_SECONDS_MAX = 90.0
END_SECONDS_MAX = 20.0
LOOK_EVERY_SECONDS = 0.1
LOG_LINES_SHOWN_MAX = 15
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """Why there are no figures, in words for whoever asked for them."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running HTTP server."""

    name: str
    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Tell what its process has used so far, all threads together."""
        return cpu_seconds(self.pid)


@contextmanager
def running(
    name: str, argv: Sequence[str], environment: Mapping[str, str], port: int, ready: str, log: Path
) -> Iterator[Server]:
    """Run a server until the block ends; enter the block when `ready` is answered."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own programs, with our own words.
            argv, env=dict(environment), cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_ready(name, process, port, ready, log)
        yield Server(name, port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(
    name: str, process: subprocess.Popen[bytes], port: int, path: str, log: Path
) -> None:
    give_up_at = time.monotonic() + READY_SECONDS_MAX
    while not _answers(port, path):
        if process.poll() is not None or time.monotonic() > give_up_at:
            last_lines = log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN_MAX:]
            raise BenchError(
                "\n".join([f"{name} did not become ready; its log ends:", *last_lines])
            )
        time.sleep(LOOK_EVERY_SECONDS)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    """Find a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def cpu_seconds(pid: int) -> float:
    """Tell what a process has used so far, user and system, all threads together."""
    user, system, *_ = _times(_stat(pid))
    return user + system


def family_cpu_seconds(pid: int) -> float:
    """Tell what a process and its children have used, those that have ended included."""
    total = sum(_times(_stat(pid)))
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = _stat(int(entry.name))
            except (OSError, IndexError):
                continue  # It has just ended.
            if int(stat[1]) == pid:
                total += sum(_times(stat)[:2])
    return total


def _stat(pid: int) -> list[str]:
    """Give the fields after the name of the program, which may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _times(stat: list[str]) -> list[float]:
    """Give user and system time, its own and that of the children it has waited for."""
    return [int(ticks) / TICKS_PER_SECOND for ticks in stat[11:15]]
