"""What a client gets for an operation: the JSON, and what the transport has to know about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from graphql import ExecutionResult as CoreExecutionResult
from strawberry.types.execution import ExecutionResult, PreExecutionError

from onsale.graphql.allowances import COST_MAX
from onsale.graphql.errors import plain_error, present
from schema.errors import ErrorCode


class Outcome(Enum):
    """What became of an operation."""

    EXECUTED = auto()
    #: Wrong before anything ran, so there is no `data`.
    REFUSED = auto()
    TIMED_OUT = auto()


@dataclass(slots=True)  # Not frozen: that takes four times as long to make.
class Answer:
    """One answer, or one message of a stream."""

    outcome: Outcome
    payload: dict[str, Any]

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The errors, as JSON."""
        errors: list[dict[str, Any]] = self.payload.get("errors", [])
        return errors


def answer_of(result: CoreExecutionResult | ExecutionResult, request_id: str) -> Answer:
    """Tell what the execution gave."""
    if not result.errors:
        return Answer(Outcome.EXECUTED, {"data": result.data})
    errors = present(result.errors, request_id)
    forget_stacks(result.errors)
    never_ran = result.data is None and all(error.path is None for error in result.errors)
    if never_ran or isinstance(result, PreExecutionError):
        return refused(errors)
    return Answer(Outcome.EXECUTED, {"errors": errors, "data": result.data})


def forget_stacks(errors: Iterable[BaseException]) -> None:
    """Forget how errors were raised, once they are told and logged.

    A traceback leads to the frames that hold the result, and so back to the error: in a circle,
    with all that a request had, until the garbage collector comes.
    """
    left: list[BaseException | None] = list(errors)
    seen: set[int] = set()
    while left:
        error = left.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            error.__traceback__ = None
            left += [error.__cause__, error.__context__, getattr(error, "original_error", None)]


def refused(errors: list[dict[str, Any]]) -> Answer:
    """Answer that nothing ran: by the specification there is no `data` then, not even null."""
    return Answer(Outcome.REFUSED, {"errors": errors})


def too_dear(cost: int) -> Answer:
    """Answer that the operation costs more than any may."""
    message = (
        f"The operation costs {cost:,}; {COST_MAX:,} are allowed. Ask for shorter pages, or in"
        " several requests. A field costs one; within lists, one for each hundred answers."
    )
    error = plain_error(ErrorCode.DOCUMENT_TOO_COMPLEX, message, cost=_figures(cost))
    return with_cost(refused([error]), cost)


def with_cost(answer: Answer, cost: int) -> Answer:
    """Tell beside the answer what it cost and what it might have cost at most."""
    answer.payload["extensions"] = {"cost": _figures(cost)}
    return answer


def _figures(cost: int) -> dict[str, int]:
    return {"asked": cost, "allowed": COST_MAX}
