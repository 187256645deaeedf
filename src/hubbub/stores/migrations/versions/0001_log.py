"""The log: logs, entries, keys, and what is removed and still to be purged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hubbub.stores.rows import new_epoch

revision = "0001"
down_revision = None

# As of this revision: what `schema` says later is not what this one makes.
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    store = op.create_table(
        "hubbub_store",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("epoch", sa.Text, nullable=False),
    )
    op.bulk_insert(store, [{"id": 1, "epoch": new_epoch()}])
    op.create_table(
        "hubbub_logs",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("room", NAME, nullable=False, unique=True),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("top", NUMBER, nullable=False),
        sa.Column("first", NUMBER, nullable=False),
        sa.Column("touched", NUMBER, nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("version_epoch", sa.Text, nullable=False),
    )
    op.create_table(
        "hubbub_entries",
        sa.Column("log", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("tags", sa.Text),
        sa.Column("info", sa.Text),
        sa.PrimaryKeyConstraint("log", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hubbub_keys",
        sa.Column("log", NUMBER, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("log", "user", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index("hubbub_keys_at", "hubbub_keys", ["at"])
    op.create_table(
        "hubbub_removed",
        sa.Column("log", NUMBER, primary_key=True, autoincrement=False),
    )
