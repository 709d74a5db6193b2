"""A variable in a oneOf input that no operation defines is an exception, and no validation error.

The GraphQL specification, 5.8.3 All Variable Uses Defined: the document is invalid, and said so.
"""

import strawberry
from graphql import parse, specified_rules, validate
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule


@strawberry.input(one_of=True)
class By:
    id: strawberry.ID | None = strawberry.UNSET
    name: str | None = strawberry.UNSET


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, by: By) -> str:
        return str(by)


schema = strawberry.Schema(Query)
document = parse("{ hello(by: { id: $id }) }")
try:
    rules = [*specified_rules, OneOfInputValidationRule]
    happens = str(validate(schema._schema, document, rules)[0])  # noqa: SLF001
except KeyError as error:
    happens = repr(error)

print("expected: an error that says that $id is not defined")
print("happens: ", happens)
assert happens == "KeyError('id')", "mended"
