"""Money: exact, and never without its currency."""

from __future__ import annotations

from decimal import Decimal

import strawberry

from box_office.money import to_decimal
from schema.scalars import CurrencyCode


@strawberry.type
class Money:
    """An amount of money, exact to the last digit. Format it by its `currencyCode`."""

    amount: Decimal
    """The amount in units of the currency, with as many decimals as the currency has: `"12.50"` for
    euros, `"1250"` for yen."""
    currency_code: CurrencyCode
    """The currency by ISO 4217, such as `EUR`."""

    @classmethod
    def of(cls, minor: int, currency_code: str) -> Money:
        """Say an amount that is stored in the currency's smallest unit."""
        return cls(
            amount=to_decimal(minor, currency_code), currency_code=CurrencyCode(currency_code)
        )
