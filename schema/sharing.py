"""Which live news are the same for everybody, so that they are made once for all who ask alike.

Each field is named here, or it is not shared: one that shows something of the viewer, or that is
new and that nobody has thought about, makes its subscription an execution of its own for each.
"""

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    visit,
)

#: By type. Whatever is added must not depend on who asks, on their token or their address.
SAME_FOR_ALL: dict[str, frozenset[str]] = {
    name: frozenset(fields.split())
    for name, fields in {
        "Subscription": "seatAvailability",
        "AvailabilitySnapshot": "availability",
        "AvailabilityDelta": "fromVersion version asOf available changes sections",
        "AvailabilityStale": "since version",
        "Availability": "version asOf total available held sold blocked states sections",
        "SeatChange": "index status",
        "SectionAvailability": "section total available priceFrom",
        "Section": "id name kind firstSeatIndex capacity outline",
        "Point": "x y",
        "Money": "amount currencyCode",
    }.items()
}


def is_same_for_all(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> bool:
    """Tell whether this operation of a valid document asks for nothing but what is named here."""
    fields = _Fields(TypeInfo(schema))
    visitor = TypeInfoVisitor(fields.types, fields)
    visit(operation, visitor)
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):  # Another operation's too, to be safe.
            visit(definition, visitor)
    return fields.are_shared


class _Fields(Visitor):
    """Looks at every field of an operation."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.types = types
        self.are_shared = True

    def enter_field(self, node: FieldNode, *_: object) -> None:
        """See whether this one is named. What a thing's type is called, everybody may know."""
        parent = self.types.get_parent_type()
        name = node.name.value
        if name != "__typename" and (
            parent is None or name not in SAME_FOR_ALL.get(parent.name, frozenset())
        ):
            self.are_shared = False
