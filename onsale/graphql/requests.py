"""What clients may send, over either transport: strict JSON of one shape, or a clear refusal."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from onsale.graphql.operations import OperationRequest

#: PostgreSQL's text takes no NUL, so no operation of ours does. GraphQL can write it so:
_WRITTEN_NUL = re.compile(r"\x00|\\u0000|\\u\{0+\}")


class MalformedRequest(Exception):  # noqa: N818 - named for what happened.
    """The request is not what a GraphQL client sends; the message says what is wrong."""


class UnusableRequest(MalformedRequest):
    """The request has the right shape, but no operation can be found in it."""


def decode_json(data: bytes | str) -> Any:
    """Read strict JSON: no NaN, no invalid UTF-8, no lone surrogate, nothing deeper than 1,024."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        raise MalformedRequest("The request must be valid JSON in UTF-8.") from None


def operation_request(data: Any) -> OperationRequest:
    """Take the parameters of a request, each of its type. Raises MalformedRequest."""
    if isinstance(data, list):
        raise MalformedRequest("Batches are not supported. Send one operation per request.")
    if not isinstance(data, dict):
        raise MalformedRequest('The request must be a JSON object such as {"query": "…"}.')
    query = _parameter(data, "query", str)
    if query is None:
        raise MalformedRequest("The parameter `query` is missing: the GraphQL document to run.")
    request = OperationRequest(
        query=query,
        variables=_parameter(data, "variables", dict),
        operation_name=_parameter(data, "operationName", str) or None,
        extensions=_parameter(data, "extensions", dict),
    )
    if not query.strip():
        raise UnusableRequest("The parameter `query` is empty: it must be a GraphQL document.")
    if _WRITTEN_NUL.search(query) or _has_nul(request.variables):
        raise UnusableRequest("The character U+0000 cannot be used.")
    return request


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
