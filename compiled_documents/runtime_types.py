"""Which object type a value is of, where its class alone decides that."""

from typing import Any

from graphql import GraphQLAbstractType, GraphQLObjectType, GraphQLSchema, is_interface_type
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.union import StrawberryUnion

from compiled_documents.oddities import Odd, check_value

#: How many further classes are remembered as fitting a type, for each place they are met at.
CLASSES_MAX = 64


def definition_of(type_: Any) -> Any:
    """Give Strawberry's definition of a type, if it made it."""
    return type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)


def class_of(type_: GraphQLObjectType) -> type | None:
    """Give the class whose instances are of this type and no other; None: there is none."""
    definition = definition_of(type_)
    if (
        not isinstance(definition, StrawberryObjectDefinition)
        or definition.is_type_of is not None
        or definition.concrete_of is not None
        or definition.is_graphql_generic
    ):
        return None
    return definition.origin


def classes_of(
    schema: GraphQLSchema, abstract: GraphQLAbstractType
) -> dict[type, GraphQLObjectType]:
    """Give the classes that decide which type of an interface or a union a value is of.

    It is what Strawberry's own way of resolving comes to for instances of exactly these classes
    that were not cast. Where a schema resolves in its own way, no class decides.
    """
    definition = definition_of(abstract)
    if is_interface_type(abstract):
        if not isinstance(definition, StrawberryObjectDefinition) or definition.resolve_type:
            return {}
    elif not isinstance(definition, StrawberryUnion):
        return {}
    classes = {}
    for type_ in schema.get_possible_types(abstract):
        class_ = class_of(type_)
        own = class_ and getattr(class_, "__strawberry_definition__", None)
        if class_ is not None and own is definition_of(type_) and own.name == type_.name:
            classes[class_] = type_
    return classes


class Fitting(set[type]):
    """Classes whose instances are known to be of one type. What is not among them is checked."""

    def __init__(self, type_: GraphQLObjectType) -> None:
        definition, own = definition_of(type_), class_of(type_)
        ours = isinstance(definition, StrawberryObjectDefinition) and not definition.is_type_of
        self._is_type_of = type_.is_type_of
        self._by_class = self._is_type_of is None or ours
        super().__init__([own] if own is not None and self._by_class else [])
        #: Whether an instance may say by `strawberry.cast` that it is of another type.
        self.can_be_cast = bool(self._is_type_of and own and own.__dictoffset__)

    def suits(self, value: Any) -> bool:
        """Tell whether graphql-core would surely take the value for one of the type."""
        try:
            self.check(value)
        except Exception:  # noqa: BLE001 - then graphql-core shall meet it.
            return False
        return True

    def check(self, value: Any) -> None:
        """Raise Odd, or anything, unless graphql-core would take the value for one of the type."""
        check_value(value)
        if self._is_type_of is None:
            if len(self) < CLASSES_MAX:
                self.add(value.__class__)
        elif not self._by_class or not self._is_type_of(value, None):  # type: ignore[arg-type]
            raise Odd
