"""How far and from where the fuzzers go, and what they take for an answer.

FUZZ_EXAMPLES says how many examples (of each operation; of each corpus), FUZZ_SEED where to begin:
the same seed meets the same examples.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import HealthCheck, seed, settings

from onsale.graphql.documents import VALIDATION_ERRORS_MAX
from schema.errors import ErrorCode

#: What `make test` has time for: all fuzzers together take about two minutes.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "100"))
SEED = int(os.environ.get("FUZZ_SEED", "20261121"))

#: A fault of ours in disguise; and nothing here waits long enough for the other.
FAULTS = {ErrorCode.INTERNAL_ERROR, ErrorCode.TIMEOUT}
#: The specification: what is wrong with a document is wrong at some place of it.
PLACED = {ErrorCode.GRAPHQL_PARSE_FAILED, ErrorCode.GRAPHQL_VALIDATION_FAILED}
#: What is said last, in place of one fault too many; it is about the whole document.
AND_MORE = "Too many validation errors, error limit reached. Validation aborted."
JSON_TYPES = {"application/json", "application/graphql-response+json"}

Test = TypeVar("Test", bound=Callable[..., Any])


def fuzzed(times: int = 1) -> Callable[[Test], Test]:
    """Try so many times EXAMPLES examples, all of them from the seed and none from other runs."""

    def decorate(test: Test) -> Test:
        quietly = settings(
            max_examples=EXAMPLES * times,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        return quietly(seed(SEED)(test))

    return decorate


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said to one HTTP request."""

    status: int
    content_type: str
    body: bytes
    location: str | None = None
    allow: str | None = None


def check_answer(answer: Answer) -> None:
    """Hold an answer to R4: no 5xx, and JSON with `errors` or `data`."""
    assert answer.status < 500, answer
    if 300 <= answer.status < 400:
        assert answer.location, answer
        return
    assert answer.content_type.partition(";")[0] in JSON_TYPES, answer
    check_payload(json.loads(answer.body))


def check_payload(payload: Any) -> None:
    """Hold the JSON to R4: an object, with errors that say what they are or with data."""
    assert isinstance(payload, dict), payload
    assert payload.keys() <= {"data", "errors", "extensions"}, payload
    assert "errors" in payload or "data" in payload, payload
    if "errors" in payload:
        check_errors(payload["errors"])


def check_errors(errors: Any) -> None:
    """Hold errors to R4: each has a message, a documented code that is no fault, and its place."""
    assert isinstance(errors, list), errors
    assert errors, "an empty list of errors says nothing"
    for place, error in enumerate(errors):
        assert isinstance(error["message"], str), error
        code = ErrorCode(error["extensions"]["code"])
        assert code not in FAULTS, error
        if error["message"] == AND_MORE:
            assert place == len(errors) - 1 == VALIDATION_ERRORS_MAX, errors
        else:
            assert code not in PLACED or error["locations"], error
