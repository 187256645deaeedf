"""The migrations of the chat lead to what `schema` defines, and leave other databases alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect

from hubbub import ConfigurationError
from hubbub.chat import migrate, schema
from hubbub.stores import migrate as log

MIGRATIONS = Path(migrate.__file__).parent / "migrations"


@contextmanager
def database() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def defined(connection: Connection) -> dict[str, str]:
    """What is in the database, and how it was defined."""
    rows = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master").all()
    return {f"{row.type} {row.name}": row.sql for row in rows}


def test_the_migrations_lead_to_the_schema() -> None:
    with database() as connection:
        schema.metadata.create_all(connection)
        wanted = defined(connection)
    with database() as connection:
        migrate.upgrade(connection)
        made = defined(connection)
    assert {name: sql for name, sql in made.items() if name in wanted} == wanted
    more = {name.split()[1] for name in made.keys() - wanted.keys()} - {migrate.VERSION_TABLE}
    assert all(name.startswith(("chat_search", "sqlite_")) for name in more), "the index, and that"


def test_an_upgrade_of_what_is_upgraded_does_nothing() -> None:
    with database() as connection:
        migrate.upgrade(connection)
        before = defined(connection)
        migrate.upgrade(connection)
        assert defined(connection) == before
        version = f"SELECT version_num FROM {migrate.VERSION_TABLE}"
        assert connection.exec_driver_sql(version).all() == [(migrate.HEAD,)]


def test_all_migrations_of_the_chat_are_known_in_their_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    found = ScriptDirectory.from_config(config).walk_revisions()
    assert tuple(one.revision for one in found)[::-1] == migrate.REVISIONS


@pytest.mark.parametrize("first", ["log", "chat"])
def test_a_database_is_for_the_log_and_the_chat(first: str) -> None:
    with database() as connection:
        upgrades = [log.upgrade, migrate.upgrade]
        for upgrade in upgrades if first == "log" else upgrades[::-1]:
            upgrade(connection)
        tables = set(inspect(connection).get_table_names())
        assert {"hubbub_logs", "chat_rooms", log.VERSION_TABLE, migrate.VERSION_TABLE} <= tables


def test_tables_of_other_names_are_nobody_s_business() -> None:
    with database() as connection:
        connection.exec_driver_sql("CREATE TABLE users (id)")
        connection.exec_driver_sql("CREATE TABLE chat_of_mine (id)")
        migrate.upgrade(connection)
        assert "chat_users" in inspect(connection).get_table_names()


@pytest.mark.parametrize("name", ["chat_users", "chat_search"])
def test_tables_of_these_names_that_are_not_the_chat_s_stay_as_they_are(name: str) -> None:
    with database() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {name} (id)")
        before = defined(connection)
        with pytest.raises(ConfigurationError, match=rf"\({name}, …\): give the chat a database"):
            migrate.upgrade(connection)
        assert defined(connection) == before


def test_a_chat_of_a_newer_hubbub_stays_as_it_is() -> None:
    with database() as connection:
        migrate.upgrade(connection)
        connection.exec_driver_sql(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '9999'")
        before = defined(connection)
        with pytest.raises(ConfigurationError, match="at 9999, .* a newer hubbub"):
            migrate.upgrade(connection)
        assert defined(connection) == before


def test_every_older_chat_can_be_upgraded() -> None:
    migrate.check(None, ["hubbub_logs"])
    for revision in migrate.REVISIONS:
        migrate.check(revision, ["chat_users", "and what else there is"])
