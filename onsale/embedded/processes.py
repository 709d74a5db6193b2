"""Server programs as our children: started to die with us, stopped in order, never left behind."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from onsale.settings import StartError

LAUNCHER = Path(__file__).with_name("launcher.py")
READY_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 20.0
LOOK_EVERY_SECONDS = 0.01
LOG_BYTES_MAX = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RunAs:
    """Whom servers run as, in the launcher's words, and the owner their files need, if not us."""

    identity: str
    owner: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """A running child and the signal that stops it cleanly."""

    name: str
    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals
    log: Path
    log_begins: int

    def reason(self) -> str:
        """Why it ended: the last grave line it logged, or simply the last."""
        with self.log.open("rb") as log:
            log.seek(self.log_begins)
            lines = log.read().decode(errors="replace").strip().splitlines()
        grave = [line for line in lines if "FATAL" in line or "rror" in line]
        return (grave or lines or ["it said nothing"])[-1].strip()

    def stop(self) -> None:
        """Ask it to end, and insist when it does not."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def choose_identity() -> RunAs:
    """Run as ourselves, or as somebody whom PostgreSQL accepts: not root, and with a name.

    In a user namespace if there are such; else root can still become `nobody`.
    """
    users = {user.pw_uid: user for user in pwd.getpwall() if user.pw_uid != 0}
    if os.geteuid() in users:
        return RunAs("same")
    if sys.platform.startswith("linux") and users:
        namespace = RunAs(f"namespace:{min(users)}")
        probe = subprocess.run(launched([], namespace, signal.SIGTERM), check=False)  # noqa: S603 - our own launcher.
        if probe.returncode == 0:
            return namespace
    nobody = next((user for user in users.values() if user.pw_name == "nobody"), None)
    if os.geteuid() != 0 or nobody is None:
        return RunAs("same")
    return RunAs(f"{nobody.pw_uid}:{nobody.pw_gid}", (nobody.pw_uid, nobody.pw_gid))


def launched(argv: Sequence[str], run_as: RunAs, on_death: signal.Signals) -> list[str]:
    """Put the launcher before a command; `on_death` is what the kernel sends when we die."""
    knot = [str(os.getpid()), str(int(on_death)), run_as.identity]
    return [sys.executable, "-I", "-S", str(LAUNCHER), *knot, *argv]


def start(
    name: str,
    argv: Sequence[str],
    run_as: RunAs,
    stop_signal: signal.Signals,
    log: Path,
    told: str = "",
) -> Server:
    """Start a server that writes to its log; `told` is all that it reads.

    It dies with the thread that started it: the main one, or one that lasts as long as it shall.
    """
    with log.open("ab") as output:
        log_begins = output.tell()
        process = subprocess.Popen(  # noqa: S603 - a program found by onsale.embedded.binaries.
            launched(argv, run_as, stop_signal),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd="/",
        )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
        pipe.write(told.encode())
    return Server(name, process, stop_signal, log, log_begins)


def wait_until_ready(server: Server, is_ready: Callable[[], bool]) -> None:
    """Return as soon as it serves. Raises StartError with the end of its log when it never will."""
    deadline = monotonic() + READY_SECONDS_MAX
    while not is_ready():
        if server.process.poll() is not None:
            raise StartError(f"{server.name} ended at once: {server.reason()} (see {server.log})")
        if monotonic() > deadline:
            server.stop()
            raise StartError(
                f"{server.name} was not ready in {READY_SECONDS_MAX:.0f} s (see {server.log})"
            )
        sleep(LOOK_EVERY_SECONDS)


def stop_leftover(pid: int, marker: str, stop_signal: signal.Signals) -> None:
    """End a server that outlived its owner; `marker` in its command line proves it is that one."""
    deadline = monotonic() + STOP_SECONDS_MAX
    if marker not in command_line(pid):
        return
    os.kill(pid, stop_signal)
    while marker in command_line(pid):
        if monotonic() > deadline:
            raise StartError(f"A server of an earlier run does not end; stop process {pid}.")
        sleep(LOOK_EVERY_SECONDS)


def command_line(pid: int) -> str:
    """Read what that process was started as; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        pass  # No such process, or no /proc: then `ps` is asked.
    if Path("/proc/self").exists() or not (ps := shutil.which("ps")):
        return ""
    answer = subprocess.run([ps, "-o", "args=", "-p", str(pid)], capture_output=True, check=False)  # noqa: S603 - a number, no input of anybody's.
    return answer.stdout.decode()


def fresh_log(log: Path) -> Path:
    """Begin a new log when the old one has grown, keeping one older."""
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".log.1"))
    return log
