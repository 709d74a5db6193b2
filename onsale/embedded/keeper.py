"""Who owns the private servers: the first command of a data folder; the others join it."""

import fcntl
import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic, sleep
from typing import TextIO
from urllib.parse import urlsplit

from onsale.embedded.addresses import claim_addresses
from onsale.embedded.binaries import find_postgres, find_valkey
from onsale.embedded.ports import answers
from onsale.embedded.postgres import PrivatePostgres, major_of_data
from onsale.embedded.processes import RunAs, Server, choose_identity, stop_leftover
from onsale.embedded.secret_files import write_secret
from onsale.embedded.supervisor import Supervisor
from onsale.embedded.valkey import PrivateValkey
from onsale.settings import EmbeddedSource, StartError

JOIN_SECONDS_MAX = 60.0
LOOK_EVERY_SECONDS = 0.05
#: A killed keeper has its lock for a moment longer, and its servers for another.
SURE_AFTER_SECONDS = 0.2
OTHERS_MAY_ENTER = 0o001


@dataclass(frozen=True, slots=True)
class Services:
    """The private servers, as whoever uses them needs to know them."""

    database_url: str
    #: None: no Valkey or Redis was found; onsale is correct without, up to one second late.
    redis_url: str | None
    #: What runs, for people: `PostgreSQL 18.6 (wheel)`.
    programs: tuple[str, ...]
    keeper_pid: int
    valkey_pid: int | None = None
    #: Another command started them, and they end with it.
    joined: bool = False


@contextmanager
def keep_services(
    base: Path,
    source: EmbeddedSource = EmbeddedSource.AUTO,
    pg_bin: Path | None = None,
    *,
    durable: bool = True,
    processes: int = 1,
) -> Iterator[Services]:
    """Run PostgreSQL and Valkey for as long as the block lasts, or join those that run already.

    Of all commands with one data folder the holder of its lock owns the servers. The kernel lets
    go of the lock when that process ends, however it ends. `durable=False` is for tests alone.
    PostgreSQL has connections for so many `processes` that serve. Raises StartError.
    """
    base = _prepared(base)
    with (base / "lock").open("a+") as lock:
        if joined := _services_of_another(base, lock):
            yield joined
            return
        _sign(lock)
        run_as = choose_identity()
        if run_as.owner:
            _let_others_enter(base)
        postgres = PrivatePostgres(
            base,
            find_postgres(source, pg_bin, major_of_data(base)),
            run_as,
            durable=durable,
            processes=processes,
        )
        with _started(base, source, postgres, run_as) as services:
            yield services


def running_services(base: Path) -> Services | None:
    """Give the private servers of a folder if they run; nothing is started, made or locked."""
    services = _noted(base / "services.json")
    return services and replace(services, joined=True)


@contextmanager
def _started(
    base: Path, source: EmbeddedSource, postgres: PrivatePostgres, run_as: RunAs
) -> Iterator[Services]:
    note = base / "services.json"
    _stop_leftover_valkey(note)
    note.unlink(missing_ok=True)
    postgres.clear_the_way()
    addresses = claim_addresses(base)
    with ExitStack() as stack:
        supervisor = Supervisor()
        stack.callback(supervisor.stop)
        port = addresses.postgres_port
        supervisor.start(lambda: postgres.start(port))
        services = Services(postgres.url(port), None, (str(postgres.program),), os.getpid())
        if program := find_valkey(source):
            valkey = PrivateValkey(
                base, program, run_as, addresses.valkey_port, addresses.valkey_password
            )
            server = supervisor.start(valkey.start)
            services = replace(
                services,
                redis_url=valkey.url,
                programs=(*services.programs, str(program)),
                valkey_pid=server.process.pid,
            )
        _write(note, services)
        stack.callback(note.unlink, missing_ok=True)
        supervisor.watch(lambda server: _note_return(note, server))
        stack.callback(supervisor.dismiss)
        yield services


def _write(note: Path, services: Services) -> None:
    write_secret(note, json.dumps(asdict(services), indent=2))


def _note_return(note: Path, server: Server) -> None:
    """Write down a Valkey's new number; PostgreSQL does so itself."""
    if server.name == "PostgreSQL":
        return
    with suppress(OSError, ValueError, TypeError):  # Then only a later start looks for it in vain.
        _write(note, replace(_read(note), valkey_pid=server.process.pid))


def _prepared(base: Path) -> Path:
    try:
        base = base.resolve()
        base.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as fault:
        raise StartError(f"ONSALE_DATA_DIR: cannot make {base}: {fault.strerror}.") from None
    if not os.access(base, os.R_OK | os.W_OK | os.X_OK):
        raise StartError(f"ONSALE_DATA_DIR: {base} belongs to somebody else.")
    return base


def _services_of_another(base: Path, lock: TextIO) -> Services | None:
    """Take the lock and give None, or give the services of whoever has it, once they answer."""
    began = monotonic()
    while not _taken(lock):
        waited = monotonic() - began
        if waited > SURE_AFTER_SECONDS and (services := _noted(base / "services.json")):
            return replace(services, joined=True)
        if waited > JOIN_SECONDS_MAX:
            lock.seek(0)
            raise StartError(
                f"Another onsale (process {lock.read().strip()}) has {base} but its PostgreSQL "
                "does not answer. Stop that process and start again."
            )
        sleep(LOOK_EVERY_SECONDS)
    return None


def _taken(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(lock: TextIO) -> None:
    """Leave our number, for the message of one who waits in vain."""
    lock.seek(0)
    lock.truncate()
    lock.write(f"{os.getpid()}\n")
    lock.flush()


def _noted(note: Path) -> Services | None:
    """Read what a keeper wrote down, if it answers: a note may outlive its writer."""
    try:
        services = _read(note)
    except (OSError, ValueError, TypeError):
        return None
    urls = filter(None, (services.database_url, services.redis_url))
    return services if all(map(answers, urls)) else None


def _read(note: Path) -> Services:
    """Raise OSError, ValueError or TypeError when there is no note, or it is none of ours."""
    services = Services(**json.loads(note.read_text()))
    return replace(services, programs=tuple(services.programs))


def _stop_leftover_valkey(note: Path) -> None:
    """Only where the kernel does not stop children with their parent, or has not yet."""
    try:
        services = _read(note)
    except (OSError, ValueError, TypeError):
        return
    if services.redis_url and services.valkey_pid:
        address = urlsplit(services.redis_url).netloc.rpartition("@")[2]
        stop_leftover(services.valkey_pid, address, signal.SIGTERM)


def _let_others_enter(base: Path) -> None:
    """Root without user namespaces: PostgreSQL runs as `nobody` and must reach its folder."""
    base.chmod(0o711)  # Secrets inside are files of mode 0600.
    for folder in base.parents:
        if not folder.stat().st_mode & OTHERS_MAY_ENTER:
            raise StartError(
                f"As root, PostgreSQL runs as `nobody`, who may not enter {folder}. Set "
                "ONSALE_DATA_DIR to a folder outside it, or start onsale as an ordinary user."
            )
