"""What an exam finds."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How bad it is."""

    OK = "ok"
    #: It works, but not as well as it could, or somebody should know.
    WARNING = "warning"
    #: Something will not work until it is put right.
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line."""

    check: str
    state: State
    says: str
    #: What to do about it.
    next: str = ""


class Notes:
    """Where an exam writes down what it finds; what is written stays if it is broken off."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.findings: list[Finding] = []

    def ok(self, says: str, check: str | None = None) -> None:
        """Note that all is well."""
        self.findings.append(Finding(check or self.subject, State.OK, says))

    def warn(self, says: str, do: str, check: str | None = None) -> None:
        """Note what could be better, and what to do."""
        self.findings.append(Finding(check or self.subject, State.WARNING, says, do))

    def wrong(self, says: str, do: str, check: str | None = None) -> None:
        """Note what has to be put right, and how."""
        self.findings.append(Finding(check or self.subject, State.WRONG, says, do))


Exam = Callable[[Notes], Awaitable[None]]
