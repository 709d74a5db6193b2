"""Money between people, who write 12.50, and the database, which counts pence.

How many decimals a currency has is babel's knowledge: none for yen, two for euros, three for
Kuwaiti dinars. Everything here is exact; no float ever holds money.
"""

import re
from decimal import Decimal
from functools import lru_cache

from babel.numbers import get_currency_precision, is_currency

#: The dearest price: a reservation of such prices still adds up within PostgreSQL's bigint.
PRICE_MINOR_MAX = 10**12

_AMOUNT = re.compile(r"[0-9]{1,16}(?:\.[0-9]{1,16})?", re.ASCII)


class AmountError(ValueError):
    """The text is no amount of this currency; the message says why and what to write."""


def is_known_currency(currency_code: str) -> bool:
    """Tell whether this is a currency by its ISO 4217 code, in capitals."""
    return re.fullmatch(r"[A-Z]{3}", currency_code, re.ASCII) is not None and is_currency(
        currency_code
    )


@lru_cache(maxsize=512)
def decimals_of(currency_code: str) -> int:
    """Count the decimals of a currency: JPY 0, EUR 2, KWD 3."""
    return get_currency_precision(currency_code)


def to_decimal(minor: int, currency_code: str) -> Decimal:
    """Say an amount of minor units as people write it: 1250 EUR is Decimal("12.50")."""
    return Decimal(minor).scaleb(-decimals_of(currency_code))


def to_minor(amount: str, currency_code: str) -> int:
    """Count the minor units of an amount as people write it: "12.5" EUR is 1250.

    Raises AmountError when the text is no amount, has more decimals than the currency, or is
    beyond PRICE_MINOR_MAX.
    """
    text = amount.strip()
    if not _AMOUNT.fullmatch(text):
        raise AmountError(f"{amount!r} is not an amount; write digits with a point, such as 12.50.")
    decimals = decimals_of(currency_code)
    units, _, fraction = text.partition(".")
    kept, beyond = fraction[:decimals], fraction[decimals:]
    if beyond.strip("0"):
        raise AmountError(f"{text} has too many decimals: {currency_code} has {decimals}.")
    minor = int(units + kept.ljust(decimals, "0"))
    if minor > PRICE_MINOR_MAX:
        dearest = to_decimal(PRICE_MINOR_MAX, currency_code)
        raise AmountError(f"{text} {currency_code} is too much; the dearest price is {dearest}.")
    return minor
