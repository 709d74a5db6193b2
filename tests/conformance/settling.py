"""What a server must be like after whatever was sent to it: as it was before."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.conformance.house import Burden, HouseServer

#: Documents that were read are remembered: a million characters of them, as trees of some hundred
#: bytes each. Other caches fill too, and allocators keep some.
GROWTH_BYTES_MAX = 128 << 20
#: The server's pool opens more when there is more to do, and keeps them.
DATABASE_CONNECTIONS_MAX = 20
SETTLE_SECONDS_MAX = 20.0


@contextmanager
def unburdened(server: HouseServer) -> Iterator[None]:
    """Demand that the block leaves no task, no socket, no subscription and no traceback behind."""
    before = at_rest(server)
    yield
    after = at_rest(server, before)
    complaints = server.complaints()
    assert not complaints, complaints[0]
    assert after.memory_bytes - before.memory_bytes < GROWTH_BYTES_MAX, (before, after)


def at_rest(server: HouseServer, before: Burden | None = None) -> Burden:
    """Wait until nobody is connected, and all is over that was begun since then."""
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    while True:
        burden = server.burden()
        if is_over(burden, before or burden):
            return burden
        assert time.monotonic() < deadline, f"what was begun does not end: {before} -> {burden}"
        time.sleep(0.2)


def is_over(burden: Burden, before: Burden) -> bool:
    """Compare with how it was."""
    return (
        burden.connections == burden.subscriptions == 0
        and burden.tasks <= before.tasks
        and burden.files <= before.files + DATABASE_CONNECTIONS_MAX
    )
