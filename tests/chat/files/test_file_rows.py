"""The rows of files, in SQLite."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event
from tests.chat.files.row_laws import LAWS, LIMITS, RACES, Law, Race
from tests.support.tables import Watched, watched

from hubbub.chat.files.rows import check_unsaid, detach, gone, let_go, show_avatar


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_in_sqlite_it_is_a_law(law: Law, tables: Watched) -> None:
    await law(tables)


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
async def test_of_two_servers_in_sqlite_it_is_a_law(
    race: Race, tables: Watched, tmp_path: Path
) -> None:
    async with watched(f"sqlite:///{tmp_path}/chat.db") as other:
        await race([tables, other])


@pytest.mark.parametrize(
    ("work", "index"),
    [
        (lambda connection: gone(connection, 5), "chat_files_gone"),
        (lambda connection: check_unsaid(connection, "ann", 1, LIMITS), "chat_files_unsaid"),
        (lambda connection: show_avatar(connection, "ann", None, 1), "chat_files_unsaid"),
        (lambda connection: let_go(connection, 5, 9), "chat_files_unsaid"),
        (lambda connection: detach(connection, "room", [1, 2], 9), "chat_files_message"),
    ],
)
async def test_what_is_done_often_has_an_index(
    tables: Watched, work: Callable[[Connection], object], index: str
) -> None:
    def plan(connection: Connection) -> str:
        done: list[tuple[str, Any]] = []

        @event.listens_for(connection, "before_cursor_execute")
        def noted(_: Any, __: Any, sql: str, values: Any, *___: Any) -> None:
            done.append((sql, values))

        work(connection)
        sql, values = done[-1]
        return str(list(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)))

    assert f"INDEX {index}" in await tables.write(plan)
