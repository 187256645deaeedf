"""The tables that a log is made of, alike in SQLite and PostgreSQL but where it says `only`.

The migrations beside this file bring a database there; these definitions are what they lead to,
which a test holds them to. Times are Unix milliseconds.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.types import TypeEngine

NAME: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
"""Compared by code points, as in SQLite, whatever the database's language is."""

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""63 bits; in SQLite INTEGER is what can be a row's own number."""

metadata = MetaData()

store = Table(
    "hubbub_store",
    metadata,
    Column("id", Integer, primary_key=True, comment="1: there is one row"),
    Column("epoch", Text, nullable=False, comment="of the logs that nobody has published to"),
)

logs = Table(
    "hubbub_logs",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("room", NAME, nullable=False, unique=True),
    Column("epoch", Text, nullable=False),
    Column("top", NUMBER, nullable=False, comment="offset of the last publication, 0 for none"),
    Column("first", NUMBER, nullable=False, comment="oldest offset kept; top + 1 for none"),
    Column("touched", NUMBER, nullable=False),
    Column("version", NUMBER, nullable=False),
    Column("version_epoch", Text, nullable=False),
)

entries = Table(
    "hubbub_entries",
    metadata,
    Column("log", NUMBER, nullable=False),
    Column("seq", NUMBER, nullable=False, comment="the offset, which SQL has a use for"),
    Column("at", NUMBER, nullable=False),
    Column("data", Text, nullable=False),
    Column("tags", Text, comment="a JSON object"),
    Column("info", Text, comment="JSON: [user, client, conn_info, chan_info], the last two text"),
    PrimaryKeyConstraint("log", "seq"),
    sqlite_with_rowid=False,
)

keys = Table(
    "hubbub_keys",
    metadata,
    Column("log", NUMBER, nullable=False),
    Column("user", NAME, nullable=False),
    Column("key", NAME, nullable=False),
    Column("seq", NUMBER, nullable=False),
    Column("digest", LargeBinary, nullable=False, comment="of data and tags"),
    Column("at", NUMBER, nullable=False),
    PrimaryKeyConstraint("log", "user", "key"),
    sqlite_with_rowid=False,
)
Index("hubbub_keys_at", keys.c.at)

markers = Table(
    "hubbub_markers",
    metadata,
    Column("log", NUMBER, nullable=False),
    Column("user", NAME, nullable=False),
    Column("seq", NUMBER, nullable=False, comment="everything up to there has been read"),
    PrimaryKeyConstraint("log", "user"),
    sqlite_with_rowid=False,
)

unread = Table(
    "hubbub_unread",
    metadata,
    Column("log", NUMBER, nullable=False),
    Column("seq", NUMBER, nullable=False, comment="of an entry that counts as unread"),
    Column("user", NAME, nullable=False, comment="who published it, for whom it does not"),
    PrimaryKeyConstraint("log", "seq", "user"),  # all of it, to be read from the index alone
    sqlite_with_rowid=False,
)

mentions = Table(
    "hubbub_mentions",
    metadata,
    Column("log", NUMBER, nullable=False),
    Column("seq", NUMBER, nullable=False, comment="of an entry that counts as unread"),
    Column("user", NAME, nullable=False, comment="whom it mentions; * stands for everyone"),
    PrimaryKeyConstraint("log", "seq", "user"),
    sqlite_with_rowid=False,
)
Index("hubbub_mentions_user", mentions.c.log, mentions.c.user, mentions.c.seq)

removed = Table(
    "hubbub_removed",
    metadata,
    Column("log", NUMBER, primary_key=True, autoincrement=False, comment="still to be purged"),
)

batches = Table(
    "hubbub_batches",
    metadata,
    Column("writer", Uuid, primary_key=True, comment="a server that appends"),
    Column("batch", BigInteger, nullable=False, comment="the number of its last one"),
    Column("at", BigInteger, nullable=False),
    Column("results", Text, comment="JSON; none for one that must not be stored any more"),
    info={"only": "postgresql"},
)
