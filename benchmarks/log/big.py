"""A log of ten million rows beside one of ten thousand: what the same calls cost."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from hubbub.contracts import Store
from hubbub.model import ClientInfo, Draft

ROOMS = 100
DATA = '{"text":"a message of the length that messages in a chat have, more or less"}'
INFO = '["user","eIxM2dHm1zQ","",""]'
REPEATS = 200


async def fill_sqlite(store: Store, path: Path, rows: int) -> None:
    """Write so many rows, as if they had been published, evenly into `ROOMS` rooms."""
    await store.append([(f"log:{number}", Draft(b"0")) for number in range(ROOMS)])

    def write() -> None:
        each = rows // ROOMS
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            for (log,) in connection.execute("SELECT id FROM hubbub_logs").fetchall():
                connection.execute(
                    "WITH RECURSIVE n(seq) AS (SELECT 2 UNION ALL SELECT seq + 1 FROM n"
                    " WHERE seq < ?) INSERT INTO hubbub_entries (log, seq, at, data, tags, info)"
                    " SELECT ?, seq, 1700000000000, ?, NULL, ? FROM n",
                    (each, log, DATA, INFO),
                )
                connection.execute("UPDATE hubbub_logs SET top = ? WHERE id = ?", (each, log))
                connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    await asyncio.to_thread(write)


async def fill_postgres(store: Store, url: str, rows: int) -> None:
    import asyncpg

    await store.append([(f"log:{number}", Draft(b"0")) for number in range(ROOMS)])
    connection = await asyncpg.connect(url)
    try:
        each = rows // ROOMS
        await connection.execute(
            "INSERT INTO hubbub_entries (log, seq, at, data, tags, info)"
            f" SELECT id, seq, 1700000000000, '{DATA}', NULL, '{INFO}'"
            f" FROM hubbub_logs, generate_series(2, {each}) AS seq",
            timeout=3600,
        )
        await connection.execute("UPDATE hubbub_logs SET top = $1", each)
        await connection.execute("VACUUM ANALYZE hubbub_entries", timeout=3600)
        await connection.execute("CHECKPOINT", timeout=3600)
    finally:
        await connection.close()


Calls = dict[str, Callable[[str], Awaitable[object]]]


def calls(store: Store, rows: int) -> Calls:
    """What is done to a log of so many rows, each given one of its rooms."""
    each = rows // ROOMS
    # As large as those that are there: PostgreSQL puts smaller ones into what is left of old pages,
    # each of which goes to its WAL whole after a checkpoint.
    draft = Draft(DATA.encode(), info=ClientInfo("user", "eIxM2dHm1zQ"))
    batch = [(f"log:{number % ROOMS}", draft) for number in range(256)]
    return {
        "publish one": lambda room: store.append([(room, draft)]),
        "publish 256 in 100 rooms": lambda room: store.append(batch),
        "recover the last 50": lambda room: store.read(room, each - 49, 50, 1 << 20),
        "page of 50 from the end": lambda room: store.read(
            room, 1 << 60, 50, 1 << 20, backwards=True
        ),
        "page of 50 in the middle": lambda room: store.read(room, each // 2, 50, 1 << 20),
        "page of 50 from the first": lambda room: store.read(room, 0, 50, 1 << 20),
    }


async def costs(small: Calls, large: Calls) -> list[tuple[str, float, float]]:
    """Median seconds of each call on the one log and on the other, in turn: machines drift."""
    names = [f"log:{number * 37 % ROOMS}" for number in range(REPEATS)]
    found = []
    for name in small:
        times: tuple[list[float], list[float]] = ([], [])
        for room in names:
            for call, into in zip((small[name], large[name]), times, strict=True):
                began = time.perf_counter()
                await call(room)
                into.append(time.perf_counter() - began)
        found.append((name, statistics.median(times[0]), statistics.median(times[1])))
    return found


async def size_of_postgres(url: str) -> int:
    """Bytes of the entries, with their index."""
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT pg_total_relation_size('hubbub_entries')"))
    finally:
        await connection.close()
