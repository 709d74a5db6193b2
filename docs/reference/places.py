"""Where everything of a schema is in the reference: a page for a type, a heading for its parts."""

from collections import defaultdict
from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_introspection_type,
)

#: What stands in the contents, in this order.
KINDS: dict[str, type[GraphQLNamedType]] = {
    "Objects": GraphQLObjectType,
    "Interfaces": GraphQLInterfaceType,
    "Unions": GraphQLUnionType,
    "Inputs": GraphQLInputObjectType,
    "Enums": GraphQLEnumType,
    "Scalars": GraphQLScalarType,
}
OPERATIONS = "Operations"


class Places:
    """Finds the place of a name, and the places that speak of a type."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self.types = {
            name: named
            for name, named in sorted(schema.type_map.items())
            if not is_introspection_type(named)
        }
        self.parts = dict(self._parts())
        self.used_by = self._used_by()

    def find(self, name: str) -> str | None:
        """Give the address of a type, of `Type.part`, or of a field that anybody can ask for."""
        name = name.partition("(")[0]
        if name in self.types:
            return f"{name}.html"
        if name in self.parts:
            owner, _, part = name.partition(".")
            return f"{owner}.html#{part}"
        roots = [f"{root.name}.{name}" for root in self.roots()]
        return next((self.find(root) for root in roots if root in self.parts), None)

    def roots(self) -> list[GraphQLObjectType]:
        """Give what operations begin with."""
        schema = self.schema
        roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
        return [root for root in roots if root is not None]

    def contents(self) -> dict[str, list[GraphQLNamedType]]:
        """Give all types by what they are."""
        roots = self.roots()
        kinds: dict[str, list[GraphQLNamedType]] = {OPERATIONS: [*roots]}
        for heading, kind in KINDS.items():
            found = [named for named in self.types.values() if isinstance(named, kind)]
            kinds[heading] = [named for named in found if named not in roots]
        return kinds

    def _parts(self) -> Iterator[tuple[str, str]]:
        """Give fields, input fields and enum values, with their words."""
        for name, named in self.types.items():
            for part, said in (getattr(named, "fields", None) or {}).items():
                yield f"{name}.{part}", said.description or ""
            for part, said in (getattr(named, "values", None) or {}).items():
                yield f"{name}.{part}", said.description or ""

    def _used_by(self) -> dict[str, list[str]]:
        """Say for each type which fields, arguments and unions name it."""
        used: defaultdict[str, list[str]] = defaultdict(list)
        for owner, named in self.types.items():
            if isinstance(named, GraphQLUnionType):
                for member in named.types:
                    used[member.name].append(owner)
            for part, field in (getattr(named, "fields", None) or {}).items():
                for argument in getattr(field, "args", {}).values():
                    used[get_named_type(argument.type).name].append(f"{owner}.{part}")
                used[get_named_type(field.type).name].append(f"{owner}.{part}")
        return {name: sorted(set(places)) for name, places in used.items()}
