"""The migrations of the chat in PostgreSQL, where several servers may begin at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import create_async_engine
from tests.support.postgres import fresh_database

from hubbub import ConfigurationError
from hubbub.chat import migrate, schema

T = TypeVar("T")

DEFINED = (
    """
    SELECT table_name, ordinal_position, column_name, data_type, is_nullable, column_default,
      collation_name
    FROM information_schema.columns WHERE table_schema = 'public'
    """,
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
    """,
)


async def transact(
    url: str, work: Callable[[Connection], T], isolation: str = "READ COMMITTED"
) -> T:
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://"), isolation_level=isolation
    )
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def defined(connection: Connection) -> set[tuple[object, ...]]:
    """Columns, indexes and constraints."""
    return {
        tuple(row) for statement in DEFINED for row in connection.exec_driver_sql(statement).all()
    }


async def test_the_migrations_lead_to_the_schema_in_postgresql() -> None:
    url, other = await fresh_database(), await fresh_database()
    await transact(url, migrate.upgrade)
    await transact(other, schema.metadata.create_all)
    made, wanted = await transact(url, defined), await transact(other, defined)
    assert wanted - made == set()
    more = {row[1] if row[0] != migrate.VERSION_TABLE else "" for row in made - wanted}
    assert more == {"", "chat_messages_search"}


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
async def test_several_servers_upgrade_at_once(isolation: str) -> None:
    url = await fresh_database()
    await asyncio.gather(*(transact(url, migrate.upgrade, isolation) for _ in range(5)))

    def versions(connection: Connection) -> list[str]:
        version = f"SELECT version_num FROM {migrate.VERSION_TABLE}"
        return [row.version_num for row in connection.exec_driver_sql(version)]

    assert await transact(url, versions) == [migrate.HEAD]


async def test_what_is_not_the_chat_s_stays_as_it_is() -> None:
    url = await fresh_database()

    def spoil(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE chat_rooms (id text)")

    await transact(url, spoil)
    with pytest.raises(ConfigurationError, match="give the chat a database of its own"):
        await transact(url, migrate.upgrade)
    tables = await transact(url, lambda connection: inspect(connection).get_table_names())
    assert tables == ["chat_rooms"]


async def test_a_newer_chat_is_refused() -> None:
    url = await fresh_database()
    await transact(url, migrate.upgrade)

    def advance(connection: Connection) -> None:
        connection.exec_driver_sql(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '9999'")

    await transact(url, advance)
    with pytest.raises(ConfigurationError, match="a newer hubbub"):
        await transact(url, migrate.upgrade)
