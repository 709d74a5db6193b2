"""What goes on once a minute, in whichever process comes first: audits, and the end of the old."""

from typing import Any

import structlog

from box_office.audit import AUDIT_EVERY_SECONDS, Finding, audit_if_due
from box_office.database import Database
from box_office.retention import end_what_is_old
from onsale.settings import Settings
from onsale.sweeping import repeat

RETAIN_EVERY_SECONDS = 60.0
#: The audit of a million seats takes 8 s, and nobody waits for either.
PATIENCE_SECONDS = 600.0
#: A line of the log shows how a rule is broken, not how often.
LOGGED_ROWS_MAX = 3

log = structlog.get_logger("onsale.bookkeeping")


async def audit_forever(database: Database) -> None:
    """Audit until cancelled. A broken rule is an error in the log, for as long as it is broken."""

    async def audit() -> int:
        findings = await audit_if_due(database)
        for finding in findings or []:
            tell(finding)
        return len(findings or [])

    broken = "rules are broken"
    await repeat("Auditing", AUDIT_EVERY_SECONDS, audit, broken, PATIENCE_SECONDS)


async def retain_forever(database: Database, settings: Settings) -> None:
    """End what is old until cancelled."""

    async def retain() -> int:
        gone = await end_what_is_old(database, settings.kept())
        if gone:
            log.info("old rows were deleted", **gone)
        return 0

    await repeat("Deleting old rows", RETAIN_EVERY_SECONDS, retain, "", PATIENCE_SECONDS)


def tell(finding: Finding) -> None:
    """Say which rule is broken, and where."""
    log.error(
        "The books do not agree",
        rule=finding.invariant.sentence,
        broken=finding.count,
        rows=finding.rows[:LOGGED_ROWS_MAX],
    )


def shown(findings: list[Finding]) -> list[dict[str, Any]]:
    """Give findings as a machine reads them."""
    return [
        {"invariant": each.invariant.name, "count": each.count, "rows": each.rows}
        for each in findings
    ]
