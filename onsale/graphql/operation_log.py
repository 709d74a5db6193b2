"""One line and one count for each operation: never a token, an address or a variable's value."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from onsale.logs import log_fact
from onsale.metrics import SUBSCRIPTIONS, count_operation

#: A client chooses the name; a longer one is cut.
NAME_CHARACTERS_MAX = 80


def log_operation(
    *,
    name: str | None,
    kind: str,
    transport: str,
    request_id: str,
    seconds: float,
    errors: Iterable[dict[str, Any]] = (),
) -> None:
    """Say that a query or mutation was answered, and how."""
    codes = _codes(errors)
    outcome = "errors" if codes else "ok"
    count_operation(kind, outcome, seconds)
    facts: dict[str, Any] = {
        "name": _short(name),
        "type": kind,
        "outcome": outcome,
        "ms": round(seconds * 1000, 2),
        "transport": transport,
        "request_id": request_id,
    }
    if codes:
        facts["codes"] = codes
    log_fact("operation", facts)


@dataclass(frozen=True, slots=True)
class Listener:
    """Whose subscription a line is about."""

    name: str | None
    transport: str
    request_id: str


def log_subscription_start(listener: Listener) -> None:
    """Say that somebody began to listen."""
    SUBSCRIPTIONS.inc()
    facts = {
        "name": _short(listener.name),
        "transport": listener.transport,
        "request_id": listener.request_id,
    }
    log_fact("subscription started", facts)


def log_subscription_end(
    listener: Listener, *, seconds: float, messages: int, errors: Iterable[dict[str, Any]] = ()
) -> None:
    """Say that somebody stopped listening, and how much went out until then."""
    SUBSCRIPTIONS.dec()
    codes = _codes(errors)
    facts: dict[str, Any] = {
        "name": _short(listener.name),
        "outcome": "errors" if codes else "ok",
        "messages": messages,
        "seconds": round(seconds, 3),
        "transport": listener.transport,
        "request_id": listener.request_id,
    }
    if codes:
        facts["codes"] = codes
    log_fact("subscription ended", facts)


def _short(name: str | None) -> str | None:
    return name and name[:NAME_CHARACTERS_MAX]


def _codes(errors: Iterable[dict[str, Any]]) -> list[str]:
    return sorted({str(error["extensions"]["code"]) for error in errors})
