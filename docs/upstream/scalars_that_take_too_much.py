"""DateTime takes moments without an offset, which are none; Decimal takes NaN and Infinity.

RFC 3339 demands an offset; no price is NaN.
"""

from datetime import datetime
from decimal import Decimal

import strawberry


@strawberry.type
class Query:
    @strawberry.field
    def moment(self, at: datetime) -> str:
        return repr(at.tzinfo)

    @strawberry.field
    def price(self, amount: Decimal) -> str:
        return str(amount)


schema = strawberry.Schema(Query)
asked = ['moment(at: "2026-11-20T19:30:00")', 'price(amount: "NaN")', 'price(amount: "Infinity")']
happens = [schema.execute_sync(f"{{ {field} }}").data for field in asked]

print("expected: an error for each")
print("happens: ", happens)
assert happens == [{"moment": "None"}, {"price": "NaN"}, {"price": "Infinity"}], "mended"
