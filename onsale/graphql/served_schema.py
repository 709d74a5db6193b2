"""Strawberry's schema as a server needs it: documents read once, and contexts always fresh."""

from typing import Any

import strawberry
from graphql import GraphQLError
from graphql.execution import Executor
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types import ExecutionContext

from compiled_documents import Plans
from onsale.graphql.documents import PARSE_LIMITS, Documents

#: Documents are compiled when they come again: who writes values into them sends each but once.
#: (Costly ones are compiled at once: `onsale.graphql.documents`.)
COMPILED_FROM_RUN = 2


class FreshContextExecutor(StrawberryGraphQLCoreExecutionContext):
    """Gives every event of a subscription a context of its own.

    Strawberry hands the subscription's one context to all its events, so whatever a loader or a
    pinned board remembered at the first event would be told as news at the hundredth.
    """

    def build_per_event_executor(self, payload: Any) -> Executor[Any]:
        """Copy the executor for one event, and the context with it."""
        executor = super().build_per_event_executor(payload)
        executor.context_value = self.context_value.for_operation()
        # The copy shares this memo, which keeps what each event collected for as long as anybody
        # listens: graphql-core knows it again by the identity of lists that no other event has.
        executor._relevant_sub_fields = {}  # noqa: SLF001 - there is no other way.
        return executor


class ServedSchema(strawberry.Schema):
    """Strawberry's schema with our reading of documents in front.

    Strawberry's extensions could do the same (`on_parse`, `on_validate`), but each costs every
    operation the set-up of its hooks, and its parser cache swallows syntax errors over WebSocket.
    """

    def __init__(self, query: type, **options: Any) -> None:
        super().__init__(query, execution_context_class=FreshContextExecutor, **options)
        self.documents = Documents(self._schema)
        self._compiled = Plans(
            self._schema, FreshContextExecutor, compiled_from_run=COMPILED_FROM_RUN
        )
        self._uncompiled = Plans(self._schema, FreshContextExecutor, enabled=False)

    def plans(self, *, compiled: bool = True) -> Plans:
        """Give what makes this schema's plans: compiled ones, or such as graphql-core runs."""
        return self._compiled if compiled else self._uncompiled

    def _create_execution_context(
        self, query: str | None, *args: Any, **options: Any
    ) -> ExecutionContext:
        """Put in what is known of the document, so that Strawberry neither parses nor validates.

        A list of errors that is not None means "validated" to Strawberry; it may be changed by
        whoever gets it, so everybody gets an own one.
        """
        context = super()._create_execution_context(query, *args, **options)
        document = self.documents.read(query or "")
        if document.tree is None:
            context.parse_options.update(PARSE_LIMITS)  # Strawberry meets the same error itself.
        else:
            context.graphql_document = document.tree
            context.pre_execution_errors = list(document.errors)
        return context

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing here: Strawberry would print a traceback for every mistake of a user.

        `onsale.graphql.errors` logs what is our own fault, once and with the request's id.
        """
