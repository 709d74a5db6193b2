"""Where a database is, in the one way that everybody who connects understands."""

from sqlalchemy.engine import URL, make_url


def plain_url(url: str) -> URL:
    """Read a URL as libpq and asyncpg do, and PostgreSQL's own programs.

    `ssl` is SQLAlchemy's word for what all others call `sslmode`. Raises ArgumentError, ValueError.
    """
    read = make_url(url).set(drivername="postgresql")
    query = {("sslmode" if name == "ssl" else name): value for name, value in read.query.items()}
    return read.set(query=query)


def plain_text(url: str) -> str:
    """Give it as text, with its password."""
    return plain_url(url).render_as_string(hide_password=False)
