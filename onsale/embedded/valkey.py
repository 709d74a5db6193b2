"""The private Valkey (or Redis): carries news between servers, keeps nothing."""

import signal
from pathlib import Path

from onsale.embedded.binaries import Program
from onsale.embedded.ports import answers
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


class PrivateValkey:
    """A Valkey with an address and a password of its own."""

    def __init__(
        self, base: Path, program: Program, run_as: RunAs, port: int, password: str
    ) -> None:
        self.program = program
        self.run_as = run_as
        self.log = base / "valkey.log"
        self.url = f"redis://:{password}@127.0.0.1:{port}/0"
        self._configuration = CONFIGURATION.format(port=port, password=password)

    def start(self) -> Server:
        """Start it and wait until it answers.

        Its configuration goes through a pipe: the password is on no command line.
        """
        server = start(
            self.program.name,
            [str(self.program.path), "-"],
            self.run_as,
            signal.SIGTERM,
            fresh_log(self.log),
            told=self._configuration,
        )
        wait_until_ready(server, lambda: answers(self.url))
        return server
