"""Every exam at the same time, each with its own short limit."""

import asyncio
import traceback
from functools import partial
from pathlib import Path

from onsale.doctoring.findings import Exam, Finding, Notes
from onsale.doctoring.machine import (
    look_at_data_dir,
    look_at_port,
    look_at_programs,
    look_at_python,
    look_at_token_key,
)
from onsale.doctoring.neighbours import look_at_payments, look_at_redis
from onsale.doctoring.postgres import look_at_postgres
from onsale.embedded import running_services
from onsale.settings import Settings, StartError

EXAM_SECONDS_MAX = 3.0


def read_settings(notes: Notes) -> Settings | None:
    """Read the environment; None: it has mistakes, and they are noted."""
    try:
        settings = Settings.read()
    except StartError as faults:
        for line in str(faults).splitlines():
            notes.wrong(line, "Correct it: README.md has a table of all variables.")
        return None
    notes.ok("every variable makes sense")
    return settings


async def examine() -> tuple[list[Finding], bool]:
    """Give every finding in order, and whether an exam had to be broken off."""
    notes = Notes("settings")
    settings = read_settings(notes)
    exams: dict[str, Exam] = {"Python": look_at_python}
    if settings is not None:
        exams |= _exams(settings)
    results = await asyncio.gather(*(limited(subject, exam) for subject, exam in exams.items()))
    findings = [finding for found, _ in results for finding in found]
    return [*notes.findings, *findings], any(late for _, late in results)


def _exams(settings: Settings) -> dict[str, Exam]:
    """Choose the exams. The private servers are looked at where they run; none is started."""
    exams: dict[str, Exam] = {
        "port": partial(look_at_port, settings),
        "data folder": partial(look_at_data_dir, settings),
        "programs": partial(look_at_programs, settings),
        "token key": partial(look_at_token_key, settings),
    }
    services = None
    if settings.database_url is None:
        services = running_services(settings.data_dir)
    database_url = settings.database_url or (services and services.database_url)
    redis_url = settings.redis_url or (services and services.redis_url)
    exams["PostgreSQL"] = partial(look_at_postgres, database_url) if database_url else _not_running
    if redis_url:
        exams["Redis"] = partial(look_at_redis, redis_url)
    elif settings.database_url is not None or services is not None:
        exams["Redis"] = _no_redis
    else:
        exams["Redis"] = _not_running
    exams["payments"] = partial(look_at_payments, settings)
    return exams


async def _not_running(notes: Notes) -> None:
    notes.ok("the private one is not running: make run starts it")


async def _no_redis(notes: Notes) -> None:
    notes.warn("there is none: other servers' sales are seen up to 1 s late", "Set REDIS_URL.")


async def limited(subject: str, exam: Exam) -> tuple[list[Finding], bool]:
    """Do an exam, but not for ever; what it had found by then counts."""
    notes = Notes(subject)
    try:
        async with asyncio.timeout(EXAM_SECONDS_MAX):
            await exam(notes)
    except TimeoutError:
        notes.wrong(
            f"no answer within {EXAM_SECONDS_MAX:.0f} s",
            "Look whether the host is the right one, and whether a firewall is in between.",
        )
        return notes.findings, True
    except Exception as fault:  # noqa: BLE001 - the other exams are worth hearing all the same.
        _note_fault(fault, notes)
    return notes.findings, False


def _note_fault(fault: Exception, notes: Notes) -> None:
    """Say what an exam died of: the system's words, but no message that may quote a secret."""
    if isinstance(fault, OSError) and fault.strerror:
        where = f"{fault.filename}: " if fault.filename else ""
        notes.wrong(
            f"could not be looked at: {where}{fault.strerror}",
            "Put that right for the user of the server, and look again.",
        )
        return
    last = traceback.extract_tb(fault.__traceback__)[-1]
    place = f"{Path(last.filename).name}:{last.lineno}"
    notes.wrong(
        f"could not be looked at: {type(fault).__name__} at {place}",
        "Report this line as a fault of onsale's; all else that is said here holds.",
    )
