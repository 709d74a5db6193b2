"""Scalars are read strictly and written in one way."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import ApiError, ErrorCode
from schema.scalars import (
    read_currency_code,
    read_date,
    read_date_time,
    read_decimal,
    read_time_zone,
    write_date_time,
    write_decimal,
)
from tests.graphql.conftest import Api

BERLIN = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T19:30:00Z", datetime(2026, 11, 20, 19, 30, tzinfo=UTC)),
        ("2026-11-20t19:30:00z", datetime(2026, 11, 20, 19, 30, tzinfo=UTC)),
        ("2026-11-20T20:30:00+01:00", datetime(2026, 11, 20, 20, 30, tzinfo=BERLIN)),
        ("2026-11-20T09:15:00-10:15", datetime(2026, 11, 20, 19, 30, tzinfo=UTC)),
        ("2026-11-20T19:30:00-00:00", datetime(2026, 11, 20, 19, 30, tzinfo=UTC)),
        ("2026-11-20T19:30:00.5Z", datetime(2026, 11, 20, 19, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-11-20T19:30:00.123456789Z", datetime(2026, 11, 20, 19, 30, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_with_its_offset(text: str, moment: datetime) -> None:
    assert read_date_time(text) == moment


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-20T19:30:00",  # No offset, no moment.
        "2026-11-20",
        "2026-11-20 19:30:00Z",
        "2026-11-20T19:30Z",
        "2026-11-20T19:30:00+0100",
        "2026-11-20T19:30:00+24:00",
        "2026-11-20T19:30:00+01:60",
        "2026-11-20T24:00:00Z",
        "2026-11-20T19:30:60Z",
        "2026-02-30T19:30:00Z",
        "2026-11-20T19:30:00.Z",
        "20261120T193000Z",
        "2026-W47-5T19:30:00Z",
        "0001-01-01T00:00:00+01:00",  # Before the first moment.
        "9999-12-31T23:59:59-01:00",  # After the last.
        "2026-11-20T19:30:00Z\n",
        "٢٠٢٦-11-20T19:30:00Z",
        "",
        1_763_667_000,
        True,
        None,
    ],
)
def test_what_is_no_moment_is_refused(value: object) -> None:
    with pytest.raises(ApiError) as refused:
        read_date_time(value)

    assert refused.value.code is ErrorCode.BAD_USER_INPUT


def test_a_moment_is_written_in_utc_with_z() -> None:
    assert write_date_time(datetime(2026, 11, 20, 20, 30, tzinfo=BERLIN)) == "2026-11-20T19:30:00Z"


def test_a_moment_without_offset_is_never_guessed_at() -> None:
    with pytest.raises(ValueError, match="offset"):
        write_date_time(datetime(2026, 11, 20, 20, 30))  # noqa: DTZ001


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_we_write_of_a_moment_reads_as_the_same_moment(moment: datetime) -> None:
    assert read_date_time(write_date_time(moment)) == moment


def test_a_day_is_read_and_nothing_else() -> None:
    assert read_date("2028-02-29") == date(2028, 2, 29)


@pytest.mark.parametrize(
    "value",
    ["2027-02-29", "20261120", "2026-11-20T00:00:00Z", "2026-W47-5", "20-11-2026", "", 1, None],
)
def test_what_is_no_day_is_refused(value: object) -> None:
    with pytest.raises(ApiError):
        read_date(value)


@pytest.mark.parametrize("text", ["0", "12.50", "-3", "99999999999999999999", "0.0001"])
def test_a_decimal_keeps_every_digit(text: str) -> None:
    assert write_decimal(read_decimal(text)) == text


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
        "1e3",
        "1E+400",
        "1_000",
        "0x10",
        ".5",
        "5.",
        "05",
        "+1",
        " 1",
        "1,5",
        "٣",
        "",
        "0.00001",  # A place too many.
        "999999999999999999999",  # A digit too many.
        12.5,
        12,
        None,
    ],
)
def test_what_is_no_decimal_is_refused(value: object) -> None:
    with pytest.raises(ApiError):
        read_decimal(value)


def test_a_decimal_is_never_written_with_an_exponent() -> None:
    assert write_decimal(Decimal(10) ** 15) == "1000000000000000"
    assert write_decimal(Decimal("1E+3")) == "1000"


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity")])
def test_a_number_that_is_none_is_never_written(value: Decimal) -> None:
    with pytest.raises(ValueError, match="none"):
        write_decimal(value)


def test_time_zones_are_those_of_iana() -> None:
    assert read_time_zone("America/Argentina/Ushuaia") == "America/Argentina/Ushuaia"
    for foreign in ("Mars/Olympus", "europe/london", "../etc/passwd", "", 1):
        with pytest.raises(ApiError):
            read_time_zone(foreign)


def test_currencies_are_those_of_iso_4217() -> None:
    assert read_currency_code("KWD") == "KWD"
    for foreign in ("eur", "EURO", "QQQ", "", 978):
        with pytest.raises(ApiError):
            read_currency_code(foreign)


ANY_EVENTS = "query ($filter: EventFilter) { events(filter: $filter) { nodes { id } } }"


async def test_a_value_of_the_wrong_form_is_bad_user_input(api: Api) -> None:
    for wrong in (
        {"startsFrom": "2026-11-20T19:30:00"},
        {"startsBefore": "NaN"},
        {"onDate": "2026-02-30"},
        {"onDate": 20261120},
        {"search": 5},
        {"available": "yes"},
    ):
        assert await api.codes(ANY_EVENTS, filter=wrong) == ["BAD_USER_INPUT"], wrong


async def test_text_that_cannot_be_stored_is_bad_user_input(api: Api) -> None:
    for name in ("search", "city", "typeKey"):
        for text in ("a\0b", "\ud800", "caf\udfff", "bell\a"):
            assert await api.codes(ANY_EVENTS, filter={name: text}) == ["BAD_USER_INPUT"]

    assert await api.codes(r'{ event(by: { slug: "ham\u0000let" }) { id } }') == ["BAD_USER_INPUT"]
