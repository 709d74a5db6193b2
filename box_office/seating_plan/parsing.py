"""From the bytes of a file to its JSON, or to what is wrong with it."""

import json
import math
from typing import Any

from box_office.seating_plan.findings import Findings, Place
from box_office.seating_plan.limits import SEATING_PLAN_BYTES_MAX
from box_office.seating_plan.values import JsonObject, kind_of

_FILE = Place()


def parse_plan(data: bytes, findings: Findings) -> JsonObject | None:
    """Parse the file; None, and a fault, when it holds no JSON object."""
    if len(data) > SEATING_PLAN_BYTES_MAX:
        most = SEATING_PLAN_BYTES_MAX // 1024**2
        findings.fault(_FILE, f"is larger than {most} MiB; leave out pictures and drawings.")
        return None
    text = _decoded(data, findings)
    return None if text is None else _parsed(text, findings)


def _decoded(data: bytes, findings: Findings) -> str | None:
    if not data.strip():
        findings.fault(_FILE, "is empty; export the plan again.")
        return None
    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        findings.fault(_FILE, f"is not text in UTF-8: byte {error.start:,} is not; save it so.")
        return None


def _parsed(text: str, findings: Findings) -> JsonObject | None:
    """Parse with Python's own parser: it lets NaN through, so that its place can be named."""
    try:
        document = _loaded(text)
    except json.JSONDecodeError as error:
        findings.fault(
            _FILE,
            f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg};"
            " export the plan again.",
        )
    except RecursionError:
        findings.fault(_FILE, "is nested too deeply; a plan has zones, rows and seats, no more.")
    else:
        if isinstance(document, dict):
            return document
        found = kind_of(document)
        findings.fault(_FILE, f"must be an object with zones and categories, is {found}.")
    return None


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # Python reads no integer of over 4,300 digits. As an infinite one its place gets named.
        return json.loads(text, parse_int=_integer)


def _integer(digits: str) -> float:
    return int(digits) if len(digits) < 100 else math.inf  # noqa: PLR2004 - no plan has those.
