"""ValidationCache beside an extension that adds a rule never hits when extensions are factories.

Instances in `extensions=[…]` are deprecated in favour of factories; but then
`MaxAliasesLimiter(15)` makes a new rule class for each request, and the rules are in the key.
"""

import strawberry
from strawberry.extensions import MaxAliasesLimiter, ValidationCache


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "world"


kept: list[ValidationCache] = []


def cache() -> ValidationCache:
    if not kept:
        kept.append(ValidationCache())
    return kept[0]


def limiter() -> MaxAliasesLimiter:
    return MaxAliasesLimiter(15)


schema = strawberry.Schema(Query, extensions=[cache, limiter])
for _ in range(100):
    schema.execute_sync("{ hello }")
hits = kept[0].cached_validate_document.cache_info().hits

print("expected: 99 hits")
print("happens: ", hits, "hits")
assert hits == 0, "mended"
