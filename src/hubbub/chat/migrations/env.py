"""What Alembic runs: the migrations beside this file, on the connection that it is handed."""

from __future__ import annotations

from alembic import context

from hubbub.chat.migrate import VERSION_TABLE
from hubbub.chat.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,  # SQLite's DDL is, once the transaction is begun by hand
)
with context.begin_transaction():
    context.run_migrations()
