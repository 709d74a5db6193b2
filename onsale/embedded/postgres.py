"""The private PostgreSQL: made once, its data kept, and safe against power cuts."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

from onsale.embedded.binaries import Program
from onsale.embedded.processes import (
    RunAs,
    Server,
    fresh_log,
    launched,
    start,
    stop_leftover,
    wait_until_ready,
)
from onsale.embedded.secret_files import write_secret
from onsale.settings import StartError

USER = DATABASE = "onsale"
BUILTIN_LOCALE_MAJOR_MIN = 17
SERVER_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "256MB",
    "wal_level": "minimal",  # Nobody replicates it.
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
#: For one server process, others that join it, and commands; and for each further process.
CONNECTIONS = 100
CONNECTIONS_A_PROCESS = 12
#: For tests: their data is gone after the run anyway.
FORGETFUL_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
}


class PrivatePostgres:
    """A cluster under the data folder, owned by one process at a time."""

    def __init__(
        self, base: Path, program: Program, run_as: RunAs, *, durable: bool, processes: int = 1
    ) -> None:
        self.program = program
        self.run_as = run_as
        self.durable = durable
        self.connections_max = CONNECTIONS + CONNECTIONS_A_PROCESS * (processes - 1)
        self.data = base / "postgres"
        self.password_file = base / "postgres.password"
        self.log = base / "postgres.log"

    def start(self, port: int) -> Server:
        """Make the cluster if there is none, start it, and wait until it is ready."""
        if not self.data.exists():
            self._make()
        self.clear_the_way()
        given = {"port": str(port), "max_connections": str(self.connections_max)}
        options = SERVER_OPTIONS | given | ({} if self.durable else FORGETFUL_OPTIONS)
        argv = [str(self.program.path), "-D", str(self.data)]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        server = start("PostgreSQL", argv, self.run_as, signal.SIGINT, fresh_log(self.log))
        wait_until_ready(server, lambda: self._is_ready(server.process.pid))
        return server

    def url(self, port: int) -> str:
        """Say where the database is, once the cluster was made."""
        password = quote(self.password_file.read_text(), safe="")
        return f"postgresql://{USER}:{password}@127.0.0.1:{port}/{DATABASE}"

    def _make(self) -> None:
        """Build the cluster beside its place and move it there whole: a kill leaves no half one."""
        draft = self.data.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if self.run_as.owner:
            os.chown(draft, *self.run_as.owner)
        password = secrets.token_urlsafe(24)
        write_secret(self.password_file, password)
        self._initdb(draft, password)
        self._create_database(draft)
        draft.rename(self.data)

    def _initdb(self, folder: Path, password: str) -> None:
        descriptor, password_file = tempfile.mkstemp()  # Mode 0600, and gone at once.
        try:
            os.write(descriptor, password.encode())
            os.close(descriptor)
            if self.run_as.owner:
                os.chown(password_file, *self.run_as.owner)
            self._run(
                [str(self.program.path.with_name("initdb")), "-D", str(folder), "-U", USER]
                + ["--pwfile", password_file, "-A", "scram-sha-256", "-E", "UTF8"]
                + self._locale()
                + ([] if self.durable else ["--no-sync"])
            )
        finally:
            Path(password_file).unlink()

    def _locale(self) -> list[str]:
        """Order by code point everywhere; languages are the clients' business."""
        if self.program.major >= BUILTIN_LOCALE_MAJOR_MIN:
            return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        return ["--locale=C.UTF-8"]

    def _create_database(self, folder: Path) -> None:
        single_user = [str(self.program.path), "--single", "-D", str(folder), "postgres"]
        self._run(single_user, f"CREATE DATABASE {DATABASE};\n")

    def _run(self, argv: list[str], text: str = "") -> None:
        command = launched(argv, self.run_as, signal.SIGTERM)
        done = subprocess.run(  # noqa: S603 - a program found by onsale.embedded.binaries.
            command, input=text, capture_output=True, text=True, cwd="/", check=False
        )
        if done.returncode:
            reason = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
            raise StartError(f"{Path(argv[0]).name} failed: {reason[-1].strip()}")

    def clear_the_way(self) -> None:
        """Stop a PostgreSQL that outlived its owner, and drop a lock file whose number was reused.

        We hold the data folder's lock, so no living owner has it. A lock file of a dead process is
        left for PostgreSQL, which then makes sure that no child of that process is still writing.
        """
        lock_file = self.data / "postmaster.pid"
        try:
            pid = int(lock_file.read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return
        stop_leftover(pid, str(self.data), signal.SIGINT)
        if is_alive(pid):
            lock_file.unlink(missing_ok=True)

    def _is_ready(self, pid: int) -> bool:
        """Read its own word; the file of one that was killed still says that it is ready."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return (lines[0].strip(), lines[7].strip()) == (str(pid), "ready")
        except (OSError, IndexError):
            return False


def major_of_data(base: Path) -> int | None:
    """Read which PostgreSQL made the data; None when there is none yet."""
    try:
        return int((base / "postgres" / "PG_VERSION").read_text())
    except (OSError, ValueError):
        return None


def is_alive(pid: int) -> bool:
    """Whether there is such a process, whoever it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
