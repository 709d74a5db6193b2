"""Scalars: how each is written, and how strictly it is read."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import cache
from typing import Any, NewType
from zoneinfo import available_timezones

import strawberry
from graphql import GraphQLError, ValueNode, value_from_ast_untyped
from strawberry.types.scalar import ScalarDefinition

from box_office.money import is_known_currency
from schema.errors import ApiError, bad_input

TimeZone = NewType("TimeZone", str)
CurrencyCode = NewType("CurrencyCode", str)
SeatStates = NewType("SeatStates", str)
SeatPriceLevels = NewType("SeatPriceLevels", str)

DECIMAL_DIGITS_MAX = 20
DECIMAL_PLACES_MAX = 4

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]{1,9}))?(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")


def _text(value: object, scalar: str, example: str) -> str:
    if not isinstance(value, str):
        raise bad_input(f"{scalar} is written as a string, such as {example!r}.")
    return value


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    match = pattern.fullmatch(text)
    if match is None:
        raise ValueError("not of this form")
    return match


def read_date(value: object) -> date:
    """Read a calendar day: four, two and two digits."""
    text = _text(value, "Date", "2026-11-20")
    try:
        return date.fromisoformat(_matched(_DATE, text)[0])
    except ValueError:
        raise bad_input("This is no calendar day; write it like '2026-11-20'.") from None


def read_date_time(value: object) -> datetime:
    """Read a moment by RFC 3339. Without an offset it would be no moment, and is refused."""
    text = _text(value, "DateTime", "2026-11-20T19:30:00Z")
    try:
        match = _matched(_DATE_TIME, text)
        micros = int((match["fraction"] or "0").ljust(6, "0")[:6])
        clock = time.fromisoformat(match["time"]).replace(microsecond=micros)
        day = date.fromisoformat(match["date"])
        return datetime.combine(day, clock, _offset(match["offset"])).astimezone(UTC)
    except (ValueError, OverflowError):
        raise bad_input(
            "This is no moment of RFC 3339 with an offset; write it like '2026-11-20T19:30:00Z'"
            " or '2026-11-20T20:30:00+01:00'."
        ) from None


def _offset(text: str) -> timezone:
    if text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:])
    if hours > 23 or minutes > 59:  # noqa: PLR2004 (what a clock shows)
        raise ValueError
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def write_date_time(moment: datetime) -> str:
    """Write a moment in UTC, with Z. A naive value is a bug of ours and is not guessed at."""
    if moment.tzinfo is None:
        raise ValueError("a moment without an offset")
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def read_decimal(value: object) -> Decimal:
    """Read an exact number: digits and a point. No exponent, no NaN, no Infinity."""
    text = _text(value, "Decimal", "12.50")
    digits, _, places = text.lstrip("-").partition(".")
    if not _DECIMAL.fullmatch(text):
        raise bad_input("This is no decimal number; write digits and a point, like '12.50'.")
    if len(digits) + len(places) > DECIMAL_DIGITS_MAX or len(places) > DECIMAL_PLACES_MAX:
        raise bad_input(
            f"A Decimal has at most {DECIMAL_DIGITS_MAX} digits, {DECIMAL_PLACES_MAX} of them after"
            " the point."
        )
    return Decimal(text)


def write_decimal(value: Decimal) -> str:
    """Write every digit: never an exponent."""
    if not value.is_finite():
        raise ValueError("a number that is none")
    return format(value, "f")


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def read_time_zone(value: object) -> TimeZone:
    """Read the name of a time zone, as IANA writes it."""
    text = _text(value, "TimeZone", "Europe/London")
    if text not in _time_zones():
        raise bad_input("This is no IANA time zone; write its name, such as 'Europe/London'.")
    return TimeZone(text)


def read_currency_code(value: object) -> CurrencyCode:
    """Read a currency by its three capitals."""
    text = _text(value, "CurrencyCode", "EUR")
    if not is_known_currency(text):
        raise bad_input("This is no ISO 4217 currency code; write three capitals, such as 'EUR'.")
    return CurrencyCode(text)


def _only_told(_value: object) -> Any:
    raise bad_input("This is only ever told, never asked.")


def _in_documents(read: Callable[[object], Any]) -> Callable[..., Any]:
    """Read a value that stands in a document, and say where when it cannot be read."""

    def read_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
        try:
            return read(value_from_ast_untyped(node, variables))
        except ApiError as problem:
            raise GraphQLError(problem.message, node, extensions=problem.extensions) from None

    return read_literal


def _scalar(
    name: str,
    description: str,
    write: Callable[[Any], str],
    read: Callable[[object], Any],
    specified_by: str | None = None,
) -> ScalarDefinition:
    return strawberry.scalar(
        name=name,
        description=description,
        serialize=write,
        parse_value=read,
        parse_literal=_in_documents(read),
        specified_by_url=specified_by,
    )


_RFC_3339 = "https://www.rfc-editor.org/rfc/rfc3339#section-5.6"

#: What `StrawberryConfig(scalar_map=…)` takes.
SCALARS: dict[object, ScalarDefinition] = {
    date: _scalar(
        "Date",
        "A calendar day, such as `2026-11-20`. Whose day it is, the field or argument says.",
        date.isoformat,
        read_date,
        _RFC_3339,
    ),
    datetime: _scalar(
        "DateTime",
        "A moment by RFC 3339. Told in UTC: `2026-11-20T19:30:00Z`. Asked with any offset, such as"
        " `2026-11-20T20:30:00+01:00`; a value without an offset is refused, because it is no"
        " moment. Digits beyond microseconds are dropped.",
        write_date_time,
        read_date_time,
        _RFC_3339,
    ),
    Decimal: _scalar(
        "Decimal",
        f'An exact decimal number as a string, such as `"12.50"`: at most {DECIMAL_DIGITS_MAX}'
        f" digits, {DECIMAL_PLACES_MAX} of them after the point. No exponent, NaN or Infinity.",
        write_decimal,
        read_decimal,
    ),
    TimeZone: _scalar(
        "TimeZone",
        "A time zone by its IANA name, such as `Europe/London`.",
        str,
        read_time_zone,
        "https://www.iana.org/time-zones",
    ),
    CurrencyCode: _scalar(
        "CurrencyCode",
        "A currency by its ISO 4217 code, such as `EUR` or `JPY`.",
        str,
        read_currency_code,
        "https://www.iso.org/iso-4217-currency-codes.html",
    ),
    SeatStates: _scalar(
        "SeatStates",
        "The state of every seat, two bits each, as base64. Decode it; seat `i` is then"
        " `bytes[i >> 2] >> 2 * (i & 3) & 3`: 0 available, 1 held, 2 sold, 3 blocked. 20,000 seats"
        " are 5,000 bytes. Bits after the last seat mean nothing.",
        str,
        _only_told,
    ),
    SeatPriceLevels: _scalar(
        "SeatPriceLevels",
        "The price level of every seat, one byte each, as base64. Decode it; byte `i` is the"
        " position of seat `i`'s price level in the event's `priceLevels`, from 0.",
        str,
        _only_told,
    ),
}
