"""How many sockets and event streams one address holds open."""

from collections import Counter

from onsale.graphql.allowances import CONNECTIONS_PER_ADDRESS_MAX


class TooManyConnections(Exception):  # noqa: N818 - named for what happened.
    """An address holds as many connections as one may."""


class Connections:
    """Counts what is open, by address. A limit of 0 means that there is none."""

    def __init__(self, per_address: int = CONNECTIONS_PER_ADDRESS_MAX) -> None:
        self._per_address = per_address
        self._open: Counter[str] = Counter()

    def enter(self, address: str | None) -> None:
        """Count one more. Raises TooManyConnections, and then it is not counted."""
        if address is None or not self._per_address:
            return
        if self._open[address] >= self._per_address:
            raise TooManyConnections(
                f"{self._per_address} live connections come from your address, and no more may."
            )
        self._open[address] += 1

    def leave(self, address: str | None) -> None:
        """Count one less: it has ended."""
        if address is not None and self._per_address:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
