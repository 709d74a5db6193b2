"""Keeps the private servers alive: one that ends without having been told to is started again."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from time import monotonic

import structlog

from onsale.embedded.processes import Server

LOOK_EVERY_SECONDS = 0.1
#: The first pause lets the rest of a killed PostgreSQL notice that it is alone, and end.
PAUSE_SECONDS_MIN = 0.2
PAUSE_SECONDS_MAX = 30.0
#: Whoever lived that long has recovered from what killed it before.
HEALTHY_AFTER_SECONDS = 60.0

log = structlog.get_logger("onsale.embedded")


@dataclass(slots=True)
class _Ward:
    """A server, how to start it, and how it has fared."""

    start: Callable[[], Server]
    server: Server
    started_at: float
    pause: float = PAUSE_SECONDS_MIN
    #: When to try again; None while it runs.
    due_at: float | None = None
    failure_told: bool = False


class Supervisor:
    """Starts servers, starts them again when they die, and stops them in the reverse order."""

    def __init__(self) -> None:
        self._wards: list[_Ward] = []
        self._dismissed = Event()
        self._thread: Thread | None = None

    def start(self, start: Callable[[], Server]) -> Server:
        """Start a server. Raises StartError, like `start` itself, at this first time only."""
        server = start()
        self._wards.append(_Ward(start, server, monotonic()))
        return server

    def watch(self, on_return: Callable[[Server], None]) -> None:
        """Begin to look after them; `on_return` is told each server that came back."""
        # Servers die with the thread that started them, so this one lasts until they are to end.
        self._thread = Thread(
            target=self._watch, args=(on_return,), name="Supervising servers", daemon=True
        )
        self._thread.start()

    def dismiss(self) -> None:
        """Look after them no more: from now on an end is meant."""
        self._dismissed.set()
        if self._thread is not None:
            self._thread.join()

    def stop(self) -> None:
        """Stop every server, the last one first."""
        self.dismiss()
        for ward in reversed(self._wards):
            ward.server.stop()

    def _watch(self, on_return: Callable[[Server], None]) -> None:
        while not self._dismissed.wait(LOOK_EVERY_SECONDS):
            for ward in self._wards:
                if ward.due_at is None:
                    _look_after(ward)
                elif monotonic() >= ward.due_at and self._revived(ward):
                    on_return(ward.server)

    def _revived(self, ward: _Ward) -> bool:
        name = ward.server.name
        try:
            ward.server = ward.start()
        except Exception as fault:  # noqa: BLE001 - whatever it is, the next try may succeed.
            if not ward.failure_told:
                ward.failure_told = True
                log.warning(
                    "A server cannot be started again; it is tried on",
                    server=name,
                    reason=str(fault),
                )
            _put_off(ward)
            return False
        ward.due_at, ward.failure_told, ward.started_at = None, False, monotonic()
        log.warning("A server runs again", server=name)
        return True


def _look_after(ward: _Ward) -> None:
    """Notice a death."""
    if ward.server.process.poll() is None:
        return
    if monotonic() - ward.started_at > HEALTHY_AFTER_SECONDS:
        ward.pause = PAUSE_SECONDS_MIN
    log.error(
        "A server has died; it is started again",
        server=ward.server.name,
        exit_code=ward.server.process.returncode,
    )
    _put_off(ward)


def _put_off(ward: _Ward) -> None:
    ward.due_at = monotonic() + ward.pause
    ward.pause = min(2 * ward.pause, PAUSE_SECONDS_MAX)
