"""Where the private servers are: at the same place after each start, for others may be connected.

A server that has joined another one's PostgreSQL and Valkey outlives them when their owner is
killed; when they come back where they were, its connections find them again.
"""

import json
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic, sleep

from onsale.embedded.ports import free_port, is_free
from onsale.embedded.secret_files import write_secret

#: A server that was just killed has its port for a moment longer.
LET_GO_SECONDS_MAX = 1.0
LOOK_EVERY_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Addresses:
    """What is kept from start to start. PostgreSQL's password is with its data."""

    postgres_port: int
    valkey_port: int
    valkey_password: str


def claim_addresses(base: Path) -> Addresses:
    """Give the addresses of the last start; a port that somebody took meanwhile is another one."""
    file = base / "addresses.json"
    known = _remembered(file)
    addresses = known or Addresses(free_port(), free_port(), secrets.token_urlsafe(24))
    if not _gets_free(addresses.postgres_port):
        addresses = replace(addresses, postgres_port=free_port())
    if not _gets_free(addresses.valkey_port):
        addresses = replace(addresses, valkey_port=free_port())
    if addresses != known:
        write_secret(file, json.dumps(asdict(addresses), indent=2))
    return addresses


def _remembered(file: Path) -> Addresses | None:
    try:
        match json.loads(file.read_text()):
            case {
                "postgres_port": int(postgres_port),
                "valkey_port": int(valkey_port),
                "valkey_password": str(valkey_password),
            }:
                return Addresses(postgres_port, valkey_port, valkey_password)
    except (OSError, ValueError):
        pass  # None yet, or spoilt: new ones are made.
    return None


def _gets_free(port: int) -> bool:
    deadline = monotonic() + LET_GO_SECONDS_MAX
    while not is_free(port):
        if monotonic() > deadline:
            return False
        sleep(LOOK_EVERY_SECONDS)
    return True
