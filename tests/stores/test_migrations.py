"""The migrations lead to what `schema` defines, and a log is upgraded by them."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine, inspect
from sqlalchemy.schema import CreateTable

from hubbub.errors import ConfigurationError
from hubbub.model import Draft
from hubbub.stores import migrate, schema
from hubbub.stores.sqlite import SQLiteStore

MIGRATIONS = Path(migrate.__file__).parent / "migrations"
ROOT = Path(__file__).parents[2]


@contextmanager
def upgraded() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        migrate.upgrade(connection)
        yield connection
    engine.dispose()


def test_the_migrations_lead_to_the_schema() -> None:
    def of_sqlite(thing: object, name: str | None, kind: str, *rest: object) -> bool:
        if kind != "table" or name is None:
            return True
        table = schema.metadata.tables.get(name)
        return name != migrate.VERSION_TABLE and (
            table is None or table.info.get("only", "sqlite") == "sqlite"
        )

    with upgraded() as connection:
        options = {"compare_type": True, "include_object": of_sqlite}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, schema.metadata) == []
        made = MetaData()
        made.reflect(connection)
        for table in (schema.entries, schema.keys, schema.markers, schema.unread):
            text = str(CreateTable(made.tables[table.name]).compile(connection))
            assert "WITHOUT ROWID" in text, "its rows are where its key is"


def test_an_upgrade_of_what_is_upgraded_does_nothing() -> None:
    with upgraded() as connection:
        before = connection.exec_driver_sql("SELECT epoch FROM hubbub_store").all()
        migrate.upgrade(connection)
        assert connection.exec_driver_sql("SELECT epoch FROM hubbub_store").all() == before
        assert len(before) == 1


def test_all_migrations_are_known_in_their_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    found = ScriptDirectory.from_config(config).walk_revisions()
    assert tuple(one.revision for one in found)[::-1] == migrate.REVISIONS


@pytest.mark.parametrize("revision", migrate.REVISIONS)
async def test_a_log_of_every_older_hubbub_is_upgraded(revision: str, tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    engine = create_engine(f"sqlite:///{path}")
    with pytest.MonkeyPatch.context() as patched, engine.begin() as connection:
        patched.setattr(migrate, "HEAD", revision)
        migrate.upgrade(connection)
        assert "hubbub_logs" in inspect(connection).get_table_names()
        (epoch,) = connection.exec_driver_sql("SELECT epoch FROM hubbub_store").one()
    engine.dispose()
    store = SQLiteStore(path)
    await store.start()
    (made,) = await store.append([("a", Draft(b"1"))])
    assert made.position == (1, epoch)
    await store.stop()


def test_what_is_not_a_log_is_refused() -> None:
    migrate.check(None, [])
    for revision in migrate.REVISIONS:
        migrate.check(revision, ["hubbub_logs", "and what else there is"])
    with pytest.raises(ConfigurationError, match=r"\(orders, users, …\)"):
        migrate.check(None, ["users", "orders"])
    with pytest.raises(ConfigurationError, match="a newer hubbub"):
        migrate.check("9999", ["hubbub_logs"])


def test_a_wheel_has_the_migrations_in_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if "/migrations/" in name}
    source = ROOT / "src"
    there = {str(one.relative_to(source)) for one in source.rglob("migrations/**/*.py")}
    assert any("stores" in name for name in there)
    assert packed == there
