"""Where the logs of durable rooms live: one module for each kind of store."""

from __future__ import annotations

from pathlib import Path

from hubbub.contracts import Store
from hubbub.errors import ConfigurationError

EXAMPLES = "sqlite:///hubbub.db, postgresql://user@host/database, memory://"


def open_store(
    url: str, *, window: float = 300.0, migrate: bool = False, alone: bool = False
) -> Store:
    """The store that `url` is the address of, yet to be started.

    `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql://…`, or `memory://`. `window`
    is how long idempotency keys are good for, in seconds. `migrate` has `start` upgrade the
    schema of a PostgreSQL database, which it else asks for; a file's is always upgraded. `alone`
    keeps a second server off the same file. Raises `ConfigurationError` for any other address.
    """
    scheme, separator, rest = url.partition("://")
    # The address may hold a password, so that no text quotes more of it than what it begins with.
    match scheme if separator else "":
        case "sqlite":
            path = rest.removeprefix("/")
            if path in {"", ":memory:"} or not rest.startswith("/"):
                raise ConfigurationError(
                    "the address of a log in SQLite names its file: sqlite:///hubbub.db, or "
                    "sqlite:////var/lib/hubbub.db. For a log that is not kept there is memory://"
                )
            from hubbub.stores.sqlite import SQLiteStore

            return SQLiteStore(Path(path), window=window, alone=alone)
        case "postgresql" | "postgresql+asyncpg":
            from hubbub.stores.postgres import PostgresStore

            return PostgresStore(url, window=window, migrate=migrate)
        case "memory":
            from hubbub.stores.memory import MemoryStore

            return MemoryStore(window=window)
        case "":
            raise ConfigurationError(f"that is not the address of a log: {EXAMPLES}")
    raise ConfigurationError(f"there is no log in {scheme}: {EXAMPLES}")
