"""The box office's SQL functions: code that runs beside the rows, installed with every migration.

They are code and not schema: each file under sql/ makes one function, and their
fingerprint is kept in the database as a comment, so that a server knows whether they are its own.
"""

import hashlib
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

FOLDER = Path(__file__).parent / "sql"
#: Bears the fingerprint; any of them would do.
MARKED_FUNCTION = "event_status(events)"


def sources() -> list[str]:
    """Read every function; event_status first, for others call it."""
    paths = sorted(FOLDER.glob("*.sql"), key=lambda path: (path.stem != "event_status", path.stem))
    return [path.read_text(encoding="utf-8") for path in paths]


def fingerprint() -> str:
    """Name this version of the functions."""
    return hashlib.sha256("\0".join(sources()).encode()).hexdigest()[:16]


def remove(connection: Connection) -> None:
    """Drop every function, in the caller's transaction: their tables may be about to change."""
    installed = connection.scalars(
        sa.text(
            "SELECT oid::regprocedure::text FROM pg_proc"
            " WHERE pronamespace = current_schema()::regnamespace AND proname = ANY(:names)"
        ),
        {"names": [path.stem for path in FOLDER.glob("*.sql")]},
    )
    for signature in installed.all():
        connection.exec_driver_sql(f"DROP FUNCTION {signature}")


def install(connection: Connection) -> None:
    """Make every function, in the caller's transaction."""
    for source in sources():
        connection.exec_driver_sql(source)
    connection.exec_driver_sql(f"COMMENT ON FUNCTION {MARKED_FUNCTION} IS 'onsale {fingerprint()}'")


def installed_fingerprint(connection: Connection) -> str | None:
    """Say which version of the functions this database has; None: none at all."""
    comment = connection.scalar(
        sa.text("SELECT obj_description(to_regprocedure(:name), 'pg_proc')"),
        {"name": MARKED_FUNCTION},
    )
    return comment.removeprefix("onsale ") if isinstance(comment, str) else None
