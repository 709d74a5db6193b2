"""Bytes that were encoded and may be sent again, as many as there is room for."""

from collections import OrderedDict
from collections.abc import Hashable

#: How many bytes of blocks all plans of a schema may keep, and what each counts beside its bytes.
KEPT_BYTES_MAX = 64_000_000
BLOCK_OVERHEAD_BYTES = 500


class KeptBlocks:
    """Encoded blocks by their keys; what was not asked for longest is forgotten first."""

    def __init__(self, bytes_max: int = KEPT_BYTES_MAX) -> None:
        self._blocks: OrderedDict[Hashable, bytes] = OrderedDict()
        self._bytes_max = bytes_max
        self.byte_count = 0

    def get(self, key: Hashable) -> bytes | None:
        """Find a block."""
        block = self._blocks.get(key)
        if block is not None:
            self._blocks.move_to_end(key)
        return block

    def keep(self, key: Hashable, block: bytes) -> None:
        """Keep a block, and forget others for it."""
        self._blocks[key] = block
        self.byte_count += len(block) + BLOCK_OVERHEAD_BYTES
        while self.byte_count > self._bytes_max:
            _, forgotten = self._blocks.popitem(last=False)
            self.byte_count -= len(forgotten) + BLOCK_OVERHEAD_BYTES

    def __len__(self) -> int:
        return len(self._blocks)
