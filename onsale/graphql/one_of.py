"""The rule of oneOf inputs that needs to know about variables."""

from typing import Any

from graphql import (
    GraphQLError,
    NonNullTypeNode,
    OperationDefinitionNode,
    ValidationRule,
    get_nullable_type,
    is_input_object_type,
)


class OneOfVariablesRule(ValidationRule):
    """What stands for the one field of a oneOf input must be a variable that is never null.

    Strawberry's own rule raises KeyError at a variable that no operation defines, and at any in a
    fragment that is written before the operation. graphql-core's passes over inputs that are
    required; all else that is to be said of oneOf inputs it says itself.
    """

    def leave_operation_definition(self, operation: OperationDefinitionNode, *_args: Any) -> None:
        """Look at each use of a variable, in the operation and in its fragments."""
        types = {
            definition.variable.name.value: definition.type
            for definition in operation.variable_definitions or ()
        }
        for usage in self.context.get_recursive_variable_usages(operation):
            name = usage.node.name.value
            kind = get_nullable_type(usage.parent_type) if usage.parent_type else None
            if not is_input_object_type(kind) or not kind.is_one_of or name not in types:
                continue
            if not isinstance(types[name], NonNullTypeNode):
                self.report_error(
                    GraphQLError(
                        f"Variable '{name}' must be non-nullable to be used for OneOf Input Object"
                        f" '{kind.name}'.",
                        usage.node,
                    )
                )
