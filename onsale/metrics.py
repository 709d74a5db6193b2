"""`/metrics`: what this server does and how the books stand, in Prometheus' text format.

Nothing in it names a buyer or an event. What is asked of the database is asked in one statement, at
most every few seconds, however often somebody looks.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

import sqlalchemy as sa
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from box_office.audit import ALWAYS, AT_REST
from box_office.database import STATEMENT_TIMEOUT_MS, Database
from models import PaymentState
from onsale.crew.figures import of_all_workers
from onsale.outages import does_not_answer

LOOK_EVERY_SECONDS = 5.0
ANSWER_SECONDS_MAX = 1.0
#: By then a database that is there has answered, or cancelled what it was asked.
LOOK_SECONDS_MAX = STATEMENT_TIMEOUT_MS / 1000 + 1
BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
#: A payment rests in every other state.
WAITING = tuple(
    state.value
    for state in PaymentState
    if state
    not in {
        PaymentState.CAPTURED,
        PaymentState.REFUNDED,
        PaymentState.DECLINED,
        PaymentState.VOIDED,
    }
)

#: All workers ask the same database: whoever asked last knows, and nothing is added up.
LAST: Final = "livemostrecent"
REGISTRY = CollectorRegistry()
RATE_LIMITED = Counter(
    "onsale_rate_limited",
    "Operations refused because a buyer or an address had asked for too much within a minute.",
    ("of",),
    registry=REGISTRY,
)
OPERATIONS = Histogram(
    "onsale_operation_seconds",
    "How long operations took, by their type and whether they had errors.",
    ("type", "outcome"),
    registry=REGISTRY,
    buckets=BUCKETS,
)
#: Looking a child up by its labels costs more than counting with it.
OPERATION = {
    (kind, outcome): OPERATIONS.labels(kind, outcome)
    for kind in ("query", "mutation")
    for outcome in ("ok", "errors")
}
SUBSCRIPTIONS = Gauge(
    "onsale_subscriptions",
    "Live subscriptions of this server.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
DATABASE_UP = Gauge(
    "onsale_database_up",
    "1: the database answers; 0: it does not, and what it last said is shown.",
    registry=REGISTRY,
    multiprocess_mode=LAST,
)
DATABASE_UP.set(1)  # Or else no server would have started.
PAYMENTS = Gauge(
    "onsale_payments_waiting",
    "Payments between two states.",
    ("state",),
    registry=REGISTRY,
    multiprocess_mode=LAST,
)
RESERVATIONS = Gauge(
    "onsale_reservations",
    "Reservations that hold seats, by status.",
    ("status",),
    registry=REGISTRY,
    multiprocess_mode=LAST,
)
HINTS = Gauge(
    "onsale_payment_hints_unhandled",
    "Webhooks to follow.",
    registry=REGISTRY,
    multiprocess_mode=LAST,
)
FINDINGS = Gauge(
    "onsale_audit_findings",
    "How often the last audit found a rule broken. Anything but 0 is an alarm.",
    ("invariant",),
    registry=REGISTRY,
    multiprocess_mode=LAST,
)
AUDITED = Gauge(
    "onsale_audit_finished_timestamp_seconds",
    "When the last audit ended.",
    registry=REGISTRY,
    multiprocess_mode=LAST,
)

log = structlog.get_logger("onsale.metrics")

STANDING = sa.text("""
    SELECT
        (SELECT jsonb_object_agg(state, count) FROM (
            SELECT state, count(*) FROM payments WHERE state = ANY (:waiting) GROUP BY state
        ) p) AS payments,
        (SELECT jsonb_object_agg(status, count) FROM (
            SELECT CASE WHEN status = 'OPEN' AND expires_at <= now() THEN 'LAPSED'
                        ELSE status END AS status, count(*)
            FROM reservations WHERE status IN ('OPEN', 'PAYING') GROUP BY 1
        ) r) AS reservations,
        (SELECT count(*) FROM payment_hints WHERE NOT handled) AS hints,
        a.findings, extract(epoch FROM a.finished_at)::float AS audited_at
    FROM (SELECT 1) one
    LEFT JOIN LATERAL (SELECT findings, finished_at FROM audits
                       ORDER BY finished_at DESC LIMIT 1) a ON true
""")


def count_operation(kind: str, outcome: str, seconds: float) -> None:
    """Count a query or mutation that was answered."""
    OPERATION[kind, outcome].observe(seconds)


def count_rate_limited(kind: str) -> None:
    """Count that a buyer or an address used up what it may ask in a minute."""
    RATE_LIMITED.labels(kind).inc()


def metrics_routes(database: Callable[[], Database]) -> list[Route]:
    """Serve `/metrics`. The database is there once the server has started."""
    return [Route("/metrics", Metrics(database).answer)]


@dataclass(slots=True)
class Metrics:
    """The figures, and one look at the database at a time."""

    database: Callable[[], Database]
    #: Of all workers, where there are several.
    _figures: CollectorRegistry = field(default_factory=lambda: of_all_workers(REGISTRY))
    _looked_at: float = -LOOK_EVERY_SECONDS
    _look: "asyncio.Task[None] | None" = field(default=None)

    async def answer(self, _request: Request) -> Response:
        """Answer in time, whatever the database does."""
        is_free = self._look is None or self._look.done()
        if is_free and monotonic() - self._looked_at >= LOOK_EVERY_SECONDS:
            self._look = asyncio.create_task(self._look_at_the_books(), name="Metrics")
        if self._look is not None:
            await asyncio.wait({self._look}, timeout=ANSWER_SECONDS_MAX)
        return Response(
            generate_latest(self._figures), headers={"content-type": CONTENT_TYPE_LATEST}
        )

    async def _look_at_the_books(self) -> None:
        """Show what the database says; it is up if it says anything, be it that it takes too long.

        Whoever gives us a connection has answered: a new one, or one that the pool has just tried.
        """
        is_up = False
        try:
            async with asyncio.timeout(LOOK_SECONDS_MAX), self.database().engine.connect() as books:
                is_up = True
                row = (await books.execute(STANDING, {"waiting": list(WAITING)})).one()
        except Exception as fault:
            if does_not_answer(fault):
                is_up = False
            else:
                log.exception("The books could not be counted")
        else:
            show(row)
        finally:
            DATABASE_UP.set(is_up)
            self._looked_at = monotonic()


def show(row: sa.Row[Any]) -> None:
    """Keep what the database said."""
    for state in WAITING:
        PAYMENTS.labels(state).set((row.payments or {}).get(state, 0))
    for status in ("OPEN", "LAPSED", "PAYING"):
        RESERVATIONS.labels(status).set((row.reservations or {}).get(status, 0))
    HINTS.set(row.hints)
    if row.findings is None:
        return
    AUDITED.set(row.audited_at)
    for invariant in (*ALWAYS, *AT_REST):
        found = row.findings.get(invariant.name, {})
        FINDINGS.labels(invariant.name).set(found.get("count", 0))
