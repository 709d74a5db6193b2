"""Programs that are measured: started with a log, ended in order, and what they have used."""

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
LOOK_EVERY_SECONDS = 0.01
LOG_LINES_SHOWN_MAX = 15
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
#: As `clock_getcpuclockid` makes the clocks of other processes: CPUCLOCK_SCHED.
PROCESS_CLOCK = 2
#: What a server may keep beside itself.
SERVICES = {"postgres", "valkey-server", "redis-server"}


class BenchError(Exception):
    """Why there are no figures, in words for whoever asked for them."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running HTTP server, and the processes it started to serve with it."""

    name: str
    port: int
    pid: int
    #: From its start until it was ready.
    start_seconds: float

    def pids(self) -> list[int]:
        """Name its processes; PostgreSQL and Valkey, where it keeps them, are none of them."""
        return [pid for pid in family(self.pid) if _name_of(pid) not in SERVICES]

    def cpu_seconds(self) -> float:
        """Tell what its processes have used so far, all threads together."""
        return sum(self.cpu_seconds_by_process().values())

    def cpu_seconds_by_process(self) -> dict[int, float]:
        """Tell what each of its processes has used so far."""
        return {pid: cpu_seconds(pid) for pid in self.pids()}

    def resident_bytes(self) -> int:
        """Tell how much memory its processes have resident, what they share counted for each."""
        return sum(_resident_bytes(pid) for pid in self.pids())


@contextmanager
def running(
    name: str, argv: Sequence[str], environment: Mapping[str, str], port: int, ready: str, log: Path
) -> Iterator[Server]:
    """Run a server until the block ends; enter the block when `ready` is answered."""
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own programs, with our own words.
            argv, env=dict(environment), cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_ready(name, process, port, ready, log)
        yield Server(name, port, process.pid, time.monotonic() - began)
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
    """Tell what a process has used so far, user and system, all threads together; 0 when gone.

    By the kernel's clock of that process, which counts nanoseconds; `/proc` counts hundredths.
    """
    try:
        return time.clock_gettime(~pid << 3 | PROCESS_CLOCK)
    except OSError:
        return 0.0


def family_cpu_seconds(pid: int) -> float:
    """Tell what a process and its children have used, those that have ended included."""
    while True:
        ended = _ended_children_ticks(pid)
        running = sum(map(cpu_seconds, family(pid)))
        if _ended_children_ticks(pid) == ended:  # Or else somebody ended while we were counting.
            return ended / TICKS_PER_SECOND + running


def _ended_children_ticks(pid: int) -> int:
    return sum(int(ticks) for ticks in _stat(pid)[13:15])


def family(pid: int) -> list[int]:
    """Name a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int(_stat(int(entry.name))[1])
            except (OSError, IndexError):
                continue  # It has just ended.
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found


def core_of(pid: int) -> int:
    """Tell on which core a process ran last; -1 when it is gone."""
    try:
        return int(_stat(pid)[36])
    except (OSError, IndexError):
        return -1


def _resident_bytes(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0  # It has just ended.
    return pages * PAGE_BYTES


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""  # It has just ended.


def _stat(pid: int) -> list[str]:
    """Give the fields after the name of the program, which may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
