"""README.md's tour as blocks: what the reader types, and what the reader is told to see."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BEGIN, END = "<!-- tour -->", "<!-- end of the tour -->"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: `sh` is typed, `json` is its answer, `text` what the watcher prints."""

    language: str
    text: str


def tour() -> list[Block]:
    """Read the tour, in order."""
    _, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    tour, end, _ = rest.partition(END)
    assert end, "README.md has no tour"
    return [Block(language, text) for language, text in BLOCK.findall(tour)]


def watcher() -> str:
    """Give the program that the tour shows in full."""
    (program,) = [block.text for block in tour() if block.language == "python"]
    return program
