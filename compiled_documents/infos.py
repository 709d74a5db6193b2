"""What resolvers are told of the operation, made ready only as far as somebody asks."""

from typing import TYPE_CHECKING, Any

from graphql import GraphQLResolveInfo
from strawberry.types.info import Info

from compiled_documents.resolvers import Call

if TYPE_CHECKING:
    from compiled_documents.running import Run, Trail
    from compiled_documents.selections import Field


class PlannedInfo(Info[Any, Any]):
    """Strawberry's info. Most resolvers want its context alone."""

    def __init__(self, run: "Run", field: "Field", trail: "Trail") -> None:
        self._run = run
        self._planned = field
        self._trail = trail

    @property
    def context(self) -> Any:
        """The context of the operation."""
        return self._run.context

    @property
    def _raw_info(self) -> GraphQLResolveInfo[Any]:  # type: ignore[override]
        """What graphql-core tells."""
        made = self.__dict__.get("_made")
        if made is None:
            made = self.__dict__["_made"] = self._run.info(self._planned, self._trail)
        return made

    @property
    def _field(self) -> Any:  # type: ignore[override]
        """Strawberry's field."""
        source = self._planned.source
        assert isinstance(source, Call), "an info is made for resolvers"
        return source.field
