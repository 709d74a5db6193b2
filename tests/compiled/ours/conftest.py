"""A house with events, in a database of the test's own."""

from collections.abc import AsyncIterator

import pytest

from box_office.database import Database
from tests.compiled.ours.world import World, open_world


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    """A house of this test alone."""
    async with open_world(database) as world:
        yield world
