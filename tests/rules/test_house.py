"""A house's name: shared by all its servers, and by nobody else's."""

from uuid import uuid4

import asyncpg
from sqlalchemy.engine import make_url

from box_office.database import Database
from box_office.house import house_of


async def name_at(url: str) -> str:
    database = await Database.connect(url)
    try:
        return await house_of(database)
    finally:
        await database.close()


async def test_servers_of_one_house_call_it_the_same_whoever_they_are_to_postgresql(
    empty_database_url: str,
) -> None:
    role = f"seller_{uuid4().hex}"
    sellers_url = make_url(empty_database_url).set(username=role, password="let-me-in")
    owner = await asyncpg.connect(empty_database_url)
    await owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'let-me-in'")
    try:
        names = {
            await name_at(empty_database_url),
            await name_at(sellers_url.render_as_string(hide_password=False)),
        }
    finally:
        await owner.execute(f"DROP ROLE {role}")
        await owner.close()

    assert len(names) == 1


async def test_a_copy_beside_the_original_is_another_house(
    database_url: str, empty_database_url: str
) -> None:
    assert await name_at(database_url) != await name_at(empty_database_url)


async def test_a_restored_database_that_takes_the_others_name_is_the_same_house(
    empty_database_url: str,
) -> None:
    before = await name_at(empty_database_url)
    url = make_url(empty_database_url)
    admin = await asyncpg.connect(
        url.set(database="postgres").render_as_string(hide_password=False)
    )
    await admin.execute(f'DROP DATABASE "{url.database}" WITH (FORCE)')
    await admin.execute(f'CREATE DATABASE "{url.database}"')
    await admin.close()

    assert await name_at(empty_database_url) == before


async def test_without_a_right_to_postgresqls_own_name_its_database_names_the_house(
    empty_database_url: str,
) -> None:
    role = f"seller_{uuid4().hex}"
    sellers_url = make_url(empty_database_url).set(username=role, password="let-me-in")
    owner = await asyncpg.connect(empty_database_url)
    await owner.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public")
    await owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'let-me-in'")
    try:
        names = [await name_at(sellers_url.render_as_string(hide_password=False)) for _ in "12"]
    finally:
        await owner.execute(f"DROP ROLE {role}")
        await owner.close()

    assert names[0] == names[1] != await name_at(empty_database_url)
