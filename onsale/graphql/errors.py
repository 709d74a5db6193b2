"""Errors as clients see them: each with a code, and of our own faults only the request's id."""

import re
from collections.abc import Iterable
from typing import Any

import structlog
from graphql import GraphQLError
from strawberry.exceptions import StrawberryInputCoercionError

from schema.errors import ErrorCode

log = structlog.get_logger("onsale.graphql")


#: graphql-core names the nearest words of the schema in messages, at their end and elsewhere.
_HINT = re.compile(r" Did you mean [^?]*\?")


def present(errors: Iterable[GraphQLError], request_id: str) -> list[dict[str, Any]]:
    """Give errors as JSON, in their order; without hints, so that no schema can be guessed."""
    answers = [present_one(error, request_id) for error in errors]
    for answer in answers:
        answer["message"] = _HINT.sub("", answer["message"])
    return answers


def present_one(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """Give one error as JSON. What nobody raised on purpose is masked, and logged here, once."""
    if is_our_fault(error):
        return masked(error, request_id)
    answer: dict[str, Any] = dict(error.formatted)
    extensions = answer.get("extensions") or {}
    # What graphql-core and Strawberry say without a code is always about the client's input.
    answer["extensions"] = {"code": ErrorCode.BAD_USER_INPUT, **extensions}
    return answer


def is_our_fault(error: GraphQLError) -> bool:
    """Tell whether some exception escaped that was not raised on purpose.

    A variable that does not fit its type has an original error too, but no path: it was found
    before anything ran, and its message was written for the client.
    """
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError | StrawberryInputCoercionError):
        return False
    return error.path is not None or not error.nodes


def masked(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """Log the fault with its traceback, and tell the client only how to refer to it."""
    log.error(
        "Something unexpected went wrong",
        request_id=request_id,
        path=error.path,
        exc_info=error.original_error,
    )
    return {**error.formatted, **our_fault(request_id)}


def our_fault(request_id: str) -> dict[str, Any]:
    """Tell of a fault of ours all that a client can use."""
    return plain_error(
        ErrorCode.INTERNAL_ERROR,
        f"Something went wrong on our side. If it stays so, quote the request id {request_id}.",
        requestId=request_id,
    )


def plain_error(code: ErrorCode, message: str, **extensions: Any) -> dict[str, Any]:
    """Give an error that belongs to no place of a document."""
    return {"message": message, "extensions": {"code": code, **extensions}}
