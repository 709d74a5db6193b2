"""Amounts as people write them, and minor units as the database counts them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box_office.money import PRICE_MINOR_MAX, AmountError, is_known_currency, to_decimal, to_minor


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.50", "EUR", 1250),
        ("12.5", "EUR", 1250),
        ("12", "EUR", 1200),
        ("12.500", "EUR", 1250),
        (" 0.01 ", "GBP", 1),
        ("0", "GBP", 0),
        ("4800", "JPY", 4800),
        ("1.234", "KWD", 1234),
    ],
)
def test_an_amount_is_counted_in_the_currencys_smallest_unit(
    amount: str, currency: str, minor: int
) -> None:
    assert to_minor(amount, currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        *(("12.345", "EUR"), ("0.5", "JPY"), ("1.2345", "KWD")),
        *(("-1", "EUR"), ("1e3", "EUR"), (".5", "EUR"), ("5.", "EUR"), ("NaN", "EUR")),
        *(("", "EUR"), ("12,50", "EUR"), ("\u0661", "EUR"), ("1" * 20, "EUR"), ("1\n2", "EUR")),
    ],
)
def test_what_is_no_amount_of_the_currency_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(AmountError):
        to_minor(amount, currency)


def test_the_dearest_price_is_named_and_kept() -> None:
    assert to_minor(str(PRICE_MINOR_MAX - 1), "JPY") == PRICE_MINOR_MAX - 1
    assert to_minor(str(PRICE_MINOR_MAX), "JPY") == PRICE_MINOR_MAX
    with pytest.raises(AmountError, match="too much"):
        to_minor(str(PRICE_MINOR_MAX + 1), "JPY")


def test_minor_units_are_said_with_the_currencys_decimals() -> None:
    assert str(to_decimal(1250, "EUR")) == "12.50"
    assert str(to_decimal(0, "EUR")) == "0.00"
    assert str(to_decimal(4800, "JPY")) == "4800"
    assert to_decimal(1, "KWD") == Decimal("0.001")


@given(st.integers(0, PRICE_MINOR_MAX), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_no_minor_unit_is_lost_on_the_way_there_and_back(minor: int, currency: str) -> None:
    assert to_minor(str(to_decimal(minor, currency)), currency) == minor


def test_a_currency_is_known_by_its_code_in_capitals() -> None:
    assert is_known_currency("EUR")
    assert not any(is_known_currency(code) for code in ("eur", "EU", "EURO", "ZZZ", "€", ""))
