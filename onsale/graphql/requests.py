"""What clients may send, over either transport: strict JSON of one shape, or a clear refusal."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

#: PostgreSQL's text takes no NUL, so no operation of ours does. GraphQL can write it so:
_WRITTEN_NUL = re.compile(r"\x00|\\u0000|\\u\{0+\}")


class MalformedRequest(Exception):  # noqa: N818 - named for what happened.
    """The request is not what a GraphQL client sends; the message says what is wrong."""


class UnusableRequest(MalformedRequest):
    """The request has the right shape, but no operation can be found in it."""


@dataclass(slots=True)  # Not frozen: that takes four times as long to make.
class OperationRequest:
    """What a client sent, of the right shape but not yet read."""

    #: The document. None: `document_hash` names it.
    query: str | None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None
    #: The SHA-256 of the document, from `extensions.persistedQuery`.
    document_hash: str | None = None


def decode_json(data: bytes | bytearray | str) -> Any:
    """Read strict JSON: no NaN, no invalid UTF-8, no lone surrogate, nothing deeper than 1,024."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        raise MalformedRequest("The request must be valid JSON in UTF-8.") from None


def operation_request(data: Any, *, may_hold_nul: bool = True) -> OperationRequest:
    """Take the parameters of a request, each of its type. Raises MalformedRequest.

    Whoever has seen what was sent may know that there can be no U+0000 in it.
    """
    if isinstance(data, list):
        raise MalformedRequest("Batches are not supported. Send one operation per request.")
    if not isinstance(data, dict):
        raise MalformedRequest('The request must be a JSON object such as {"query": "…"}.')
    query = _parameter(data, "query", str)
    extensions = _parameter(data, "extensions", dict)
    request = OperationRequest(
        query,
        _parameter(data, "variables", dict),
        _parameter(data, "operationName", str) or None,
        extensions,
        _persisted_hash(extensions) if extensions else None,
    )
    if query is None and request.document_hash is None:
        raise MalformedRequest("The parameter `query` is missing: the GraphQL document to run.")
    if query is not None and (not query or query.isspace()):
        raise UnusableRequest("The parameter `query` is empty: it must be a GraphQL document.")
    if may_hold_nul and (_WRITTEN_NUL.search(query or "") or _has_nul(request.variables)):
        raise UnusableRequest("The character U+0000 cannot be used.")
    return request


def _persisted_hash(extensions: Mapping[str, Any]) -> str | None:
    """Find the hash that stands for a document, by the protocol that Apollo made common."""
    persisted = extensions.get("persistedQuery")
    if persisted is None:
        return None
    asked = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if not isinstance(asked, str):
        raise MalformedRequest("`extensions.persistedQuery` must be an object with a sha256Hash.")
    return asked.lower()


def _parameter(data: Mapping[str, Any], name: str, kind: type) -> Any:
    value = data.get(name)
    if value is not None and not isinstance(value, kind):
        expected = "a string" if kind is str else "an object"
        raise MalformedRequest(f"The parameter `{name}` must be {expected} or null.")
    return value


def _has_nul(variables: Any) -> bool:
    """Look through all variables, without recursion: JSON may be deeper than Python's stack."""
    left = [variables]
    while left:
        value = left.pop()
        if isinstance(value, str):
            if "\x00" in value:
                return True
        elif isinstance(value, dict):
            left.extend(value)
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
    return False
