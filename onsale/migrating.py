"""Bring a database to this version's tables and functions."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from onsale.migrated import is_there

ROOT = Path(__file__).parent.parent


def migrate(database_url: str) -> None:
    """Upgrade the tables and install the functions, in one transaction; nothing if all is there."""
    if not is_there(database_url):
        command.upgrade(configuration(database_url), "head")


def downgrade(database_url: str, revision: str) -> None:
    """Take migrations back, down to `revision` ("base": all of them)."""
    command.downgrade(configuration(database_url), revision)


def configuration(database_url: str) -> Config:
    """Tell Alembic where our migrations are and which database they are for."""
    config = Config(toml_file=ROOT / "pyproject.toml")
    config.attributes["database_url"] = database_url
    return config
