"""The private Valkey (or Redis): carries news between servers, keeps nothing."""

import secrets
import signal
from pathlib import Path

from onsale.embedded.binaries import Program
from onsale.embedded.ports import answers, free_port
from onsale.embedded.processes import RunAs, Server, fresh_log, start, wait_until_ready

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
save ""
appendonly no
maxmemory 256mb
maxmemory-policy noeviction
"""


def start_valkey(base: Path, program: Program, run_as: RunAs) -> tuple[Server, str]:
    """Start it and give the server with its URL.

    Its configuration goes through a pipe: the password is in no file and on no command line.
    """
    port, password = free_port(), secrets.token_urlsafe(24)
    server = start(
        program.name,
        [str(program.path), "-"],
        run_as,
        signal.SIGTERM,
        fresh_log(base / "valkey.log"),
        told=CONFIGURATION.format(port=port, password=password),
    )
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    wait_until_ready(server, lambda: answers(url))
    return server, url
