from collections.abc import AsyncIterator

import pytest

from box_office.database import Database
from tests.halls import Hall, open_hall


@pytest.fixture
async def hall(database: Database) -> AsyncIterator[Hall]:
    """Twelve numbered seats and eight standing places."""
    async with open_hall(database, numbered=12, standing=8) as hall:
        yield hall
