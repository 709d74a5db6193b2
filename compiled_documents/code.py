"""Python text that is put together line by line, with the objects that it names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Code:
    """A module in the making."""

    def __init__(self, **names: Any) -> None:
        self._lines: list[str] = []
        self._indent = 0
        self._numbers = 0
        self._names: dict[str, Any] = dict(names)

    def add(self, line: str) -> None:
        """Add one line."""
        self._lines.append("    " * self._indent + line)

    @contextmanager
    def block(self, line: str) -> Iterator[None]:
        """Add a line, and what is added meanwhile below it."""
        self.add(line)
        self._indent += 1
        yield
        self._indent -= 1

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Write a function of its own, before the one that is being written."""
        lines, indent = self._lines, self._indent
        self._lines, self._indent = [], 0
        yield
        self._lines, self._indent = self._lines + lines, indent

    def new(self, kind: str) -> str:
        """Make up a name that is not taken."""
        self._numbers += 1
        return f"{kind}_{self._numbers}"

    def name(self, kind: str, thing: Any) -> str:
        """Give a thing a name to be used in the text."""
        name = self.new(kind)
        self._names[name] = thing
        return name

    @property
    def text(self) -> str:
        """What was written, for whoever wants to read it."""
        return "\n".join(self._lines) + "\n"

    def run(self) -> dict[str, Any]:
        """Execute the text, and give all that has a name."""
        # The text is ours: of a document it has names only, and those are identifiers.
        exec(compile(self.text, "<compiled document>", "exec"), self._names)  # noqa: S102
        return self._names
