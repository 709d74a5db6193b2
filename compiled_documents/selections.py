"""What a document selects of each type, collected once: the tree that code is made from."""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    OperationDefinitionNode,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_object_type,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetailsList,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues

from compiled_documents.graphql_core import CoreOperation
from compiled_documents.oddities import NotCompilable
from compiled_documents.resolvers import Attribute, Source, Sources, Typename
from compiled_documents.runtime_types import classes_of


@dataclass(frozen=True, slots=True)
class Field:
    """A field as it is selected somewhere: all its nodes, merged."""

    key: str
    parent: GraphQLObjectType
    definition: GraphQLField
    details: FieldDetailsList
    source: Source
    #: What is selected of the objects it answers with, by their type.
    selections: Mapping[GraphQLObjectType, "Selection"]
    #: Whether what it answers with is plain data, through and through.
    has_plain_value: bool

    @property
    def is_plain(self) -> bool:
        """Whether it is plain data itself, beside what it answers with."""
        return self.has_plain_value and isinstance(self.source, Attribute | Typename)

    @property
    def type(self) -> GraphQLOutputType:
        """The type it answers with."""
        return self.definition.type


@dataclass(frozen=True, slots=True)
class Selection:
    """The fields that are selected of one type, by their order in the answer."""

    type: GraphQLObjectType
    fields: tuple[Field, ...]

    @property
    def is_plain(self) -> bool:
        """Whether all of it is plain data."""
        return all(field.is_plain for field in self.fields)


class Collector:
    """Collects an operation's selections for one set of truths about its directives."""

    def __init__(
        self,
        core: CoreOperation,
        operation: OperationDefinitionNode,
        sources: Sources,
        truths: Mapping[str, bool],
        fields_max: int,
    ) -> None:
        """`truths` are the variables that directives name."""
        self._core = core
        self._operation = operation
        self._sources = sources
        self._values = VariableValues({}, dict(truths))
        self._fields_max = fields_max
        self.field_count = 0

    def collect(self) -> Selection:
        """Collect from the root. Raises NotCompilable, for more fields than `fields_max` too."""
        root = self._core.schema.get_root_type(self._operation.operation)
        if root is None:
            raise NotCompilable
        try:
            return self._selection(
                root,
                collect_fields(
                    self._core.schema,
                    self._core.fragments,
                    self._values,
                    root,
                    self._operation,
                ),
            )
        except (GraphQLError, RecursionError):
            raise NotCompilable from None

    def _selection(self, parent: GraphQLObjectType, collected: CollectedFields) -> Selection:
        if collected.new_defer_usages:
            raise NotCompilable
        fields = tuple(
            self._field(parent, key, details)
            for key, details in collected.grouped_field_set.items()
        )
        return Selection(parent, fields)

    def _field(self, parent: GraphQLObjectType, key: str, details: FieldDetailsList) -> Field:
        self.field_count += 1
        if self.field_count > self._fields_max:
            raise NotCompilable
        node = details[0].node
        definition = self._core.schema.get_field(parent, node.name.value)
        if definition is None or any(
            directive.name.value == "stream"
            for detail in details
            for directive in detail.node.directives or ()
        ):
            raise NotCompilable
        source = self._sources.of(definition, node)
        named = get_named_type(definition.type)
        selections = self._selections(named, details)
        has_plain_value = is_leaf_type(named) or (
            bool(selections) and all(selection.is_plain for selection in selections.values())
        )
        return Field(key, parent, definition, details, source, selections, has_plain_value)

    def _selections(
        self, named: GraphQLNamedType, details: FieldDetailsList
    ) -> dict[GraphQLObjectType, Selection]:
        if is_leaf_type(named) or named.name.startswith("__"):
            return {}
        if is_object_type(named):
            types = [named]
        else:
            assert is_abstract_type(named), "a field that is no leaf has an object"
            types = list(classes_of(self._core.schema, named).values())
        return {
            type_: self._selection(
                type_,
                collect_subfields(
                    self._core.schema,
                    self._core.fragments,
                    self._values,
                    self._operation,
                    type_,
                    details,
                ),
            )
            for type_ in types
        }
