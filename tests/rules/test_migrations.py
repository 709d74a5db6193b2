import asyncio
import sys

import asyncpg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine

from box_office import functions
from onsale.migrated import is_migrated, newest_migrations
from onsale.migrating import ROOT, configuration, downgrade, migrate

TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> $1"
FUNCTIONS = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"


async def migrated(url: str) -> bool:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    try:
        return await is_migrated(engine)
    finally:
        await engine.dispose()


async def counted(url: str, statement: str, *values: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(statement, *values))
    finally:
        await connection.close()


async def test_the_migrations_go_up_down_and_up_again(empty_database_url: str) -> None:
    url = empty_database_url
    assert not await migrated(url)
    await asyncio.to_thread(migrate, url)
    tables = await counted(url, TABLES, "alembic_version")
    assert await migrated(url)

    await asyncio.to_thread(downgrade, url, "base")
    assert not await migrated(url)
    assert await counted(url, TABLES, "alembic_version") == 0
    assert await counted(url, FUNCTIONS) == 0

    await asyncio.to_thread(migrate, url)
    assert await migrated(url)
    assert await counted(url, TABLES, "alembic_version") == tables


async def test_the_tables_are_what_the_models_say(database_url: str) -> None:
    await asyncio.to_thread(command.check, configuration(database_url))


def test_the_newest_migrations_are_those_that_alembic_finds() -> None:
    scripts = ScriptDirectory(str(ROOT / "migrations"))

    assert newest_migrations() == set(scripts.get_heads())


async def test_two_servers_that_start_together_migrate_once(empty_database_url: str) -> None:
    program = f"from onsale.migrating import migrate; migrate({empty_database_url!r})"
    servers = [
        await asyncio.create_subprocess_exec(sys.executable, "-W", "error", "-c", program, cwd=ROOT)
        for _ in range(3)
    ]

    assert [await server.wait() for server in servers] == [0, 0, 0]
    assert await migrated(empty_database_url)


async def test_a_database_with_other_functions_is_not_migrated(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"COMMENT ON FUNCTION {functions.MARKED_FUNCTION} IS 'onsale older'")
    await connection.close()
    assert not await migrated(database_url)

    await asyncio.to_thread(migrate, database_url)
    assert await migrated(database_url)


@pytest.mark.parametrize("name", [path.stem for path in functions.FOLDER.glob("*.sql")])
def test_each_function_says_what_it_does_and_bears_its_files_name(name: str) -> None:
    source = (functions.FOLDER / f"{name}.sql").read_text()

    assert source.startswith("-- ")
    assert source.count("CREATE FUNCTION") == 1
    assert f"CREATE FUNCTION {name}(" in source
