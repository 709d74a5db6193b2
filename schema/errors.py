"""Top-level errors: broken requests and our own faults. Expected refusals are in refusals.py."""

from enum import StrEnum

from graphql import GraphQLError

from box_office.storable import unstorable_character


class ErrorCode(StrEnum):
    """Every `extensions.code` there is; docs/errors.md explains each to clients."""

    #: The HTTP request or WebSocket message is not what GraphQL clients send.
    BAD_REQUEST = "BAD_REQUEST"
    #: The document is not GraphQL.
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    #: The document asks for what the schema does not have.
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    #: Which of the document's operations is meant cannot be told.
    OPERATION_RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE"
    #: The document is too long, too deep or too dear.
    DOCUMENT_TOO_COMPLEX = "DOCUMENT_TOO_COMPLEX"
    #: No document is known by the hash that was sent; the client may send it whole.
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    #: This server knows no documents by their hash; the client should always send them.
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    #: This server runs only documents that it knew before.
    DOCUMENT_NOT_TRUSTED = "DOCUMENT_NOT_TRUSTED"
    #: This operation cannot run over this transport, such as a subscription over plain HTTP.
    TRANSPORT_NOT_SUPPORTED = "TRANSPORT_NOT_SUPPORTED"
    #: A value is not what its argument takes; the message says what to send.
    BAD_USER_INPUT = "BAD_USER_INPUT"
    #: What was asked needs a buyer, and nobody said who is asking.
    UNAUTHENTICATED = "UNAUTHENTICATED"
    #: More at once than one client may have.
    TOO_MANY_REQUESTS = "TOO_MANY_REQUESTS"
    #: It took too long and was given up.
    TIMEOUT = "TIMEOUT"
    #: A fault of ours; `extensions.requestId` finds it in the log.
    INTERNAL_ERROR = "INTERNAL_ERROR"


class ApiError(GraphQLError):
    """An error told to the client as it is, with a code it can act on."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message, extensions={"code": code.value})
        self.code = code


def bad_input(message: str) -> ApiError:
    """Say what is wrong with a value and what to send instead."""
    return ApiError(ErrorCode.BAD_USER_INPUT, message)


def storable(text: str | None, argument: str) -> str | None:
    """Pass on a text that PostgreSQL can be asked about; refuse NUL, half characters, controls."""
    foreign = unstorable_character(text) if text else None
    if foreign is not None:
        raise bad_input(f"`{argument}` contains {foreign}; remove it.")
    return text


def too_many_seats(most: int) -> ApiError:
    """Say how many seats one answer may hold, and what holds more."""
    return ApiError(
        ErrorCode.DOCUMENT_TOO_COMPLEX,
        f"One operation shows at most {most:,} seats as objects. Ask for fewer, by section or by"
        " status, or take `availability.states` and `seatMap.layoutUrl` for whole maps.",
    )


def unauthenticated() -> ApiError:
    """Say that a buyer is needed, and how to become one."""
    return ApiError(
        ErrorCode.UNAUTHENTICATED,
        "This needs a buyer. Get a token with `mutation { startGuestSession { token } }` and send"
        " it as the header `Authorization: Bearer <token>`.",
    )
