"""The nasty schema, made once: it takes longer to make than to ask."""

import pytest
from graphql import GraphQLSchema

from tests.compiled.nasty.schema import make_schema


@pytest.fixture(scope="session")
def nasty() -> GraphQLSchema:
    """The schema in which everything goes wrong."""
    return make_schema()
