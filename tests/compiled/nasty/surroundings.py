"""The nasty schema's context: it notes what is called, and loads in batches."""

from dataclasses import dataclass, field
from typing import Any, Self

from strawberry.dataloader import DataLoader


@dataclass
class Noting:
    """What an operation on the nasty schema is handed."""

    notes: list[str] = field(default_factory=list)
    #: What mutations count; each must see what the one before has done.
    total: int = 0
    halves: DataLoader[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.halves = DataLoader(load_fn=self._load_halves)

    def note(self, what: str, *details: Any) -> None:
        """Write down that something was called, and with what."""
        self.notes.append(" ".join([what, *map(repr, details)]))

    def for_operation(self) -> Self:
        """Give a copy with a fresh loader, for the next event."""
        return type(self)(self.notes, self.total)

    async def _load_halves(self, keys: list[int]) -> list[int | BaseException]:
        """Halve even numbers; an odd one has no half."""
        self.note("batch", keys)
        return [key // 2 if key % 2 == 0 else ValueError(f"{key} is odd") for key in keys]
