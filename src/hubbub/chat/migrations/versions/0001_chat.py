"""The chat's tables, and the index of the messages' words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# As of this revision: what `schema` says later is not what this one makes.
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# What a message is found by: its words, and signs of its room, its user and what is attached, in
# hexadecimal digits, because in FTS5's `ascii` a word ends at every other ASCII sign.
INDEXED = """
CASE WHEN {row}deleted_at IS NULL THEN
  {row}words || ' §' || hex({row}room) || ' ¶' || hex({row}"user")
  || CASE WHEN {row}files IS NULL THEN '' ELSE ' ¤' END
END
"""
OLD, NEW = INDEXED.format(row="old."), INDEXED.format(row="new.")

# Only lists of messages for each word, and for two and three letters that words begin with: no
# places of words in them, and no sizes.
SQLITE_SEARCH = (
    f"""
    CREATE VIEW chat_searched AS
    SELECT "key", {INDEXED.format(row="")} AS words FROM chat_messages
    """,
    """
    CREATE VIRTUAL TABLE chat_search USING fts5(
      words, content = 'chat_searched', content_rowid = 'key', tokenize = 'ascii',
      detail = none, columnsize = 0, prefix = '2 3'
    )
    """,
    # Parts of the index are merged little by little, and late: messages wait for it.
    "INSERT INTO chat_search (chat_search, rank) VALUES ('automerge', 16), ('crisismerge', 64)",
    f"""
    CREATE TRIGGER chat_search_insert AFTER INSERT ON chat_messages
    WHEN new.deleted_at IS NULL BEGIN
      INSERT INTO chat_search (rowid, words) VALUES (new."key", {NEW});
    END
    """,
    f"""
    CREATE TRIGGER chat_search_delete AFTER DELETE ON chat_messages
    WHEN old.deleted_at IS NULL BEGIN
      INSERT INTO chat_search (chat_search, rowid, words) VALUES ('delete', old."key", {OLD});
    END
    """,
    f"""
    CREATE TRIGGER chat_search_update AFTER UPDATE ON chat_messages
    WHEN old."key" <> new."key" OR {OLD} IS NOT {NEW} BEGIN
      INSERT INTO chat_search (chat_search, rowid, words)
        SELECT 'delete', old."key", {OLD} WHERE old.deleted_at IS NULL;
      INSERT INTO chat_search (rowid, words)
        SELECT new."key", {NEW} WHERE new.deleted_at IS NULL;
    END
    """,
)

# As in SQLite, and signs of when it came: see `hubbub.chat.search.index`. What is new waits in a
# list that is short, for every search looks through it.
POSTGRESQL_SEARCH = (
    """
    CREATE INDEX chat_messages_search ON chat_messages USING gin ((
      array_to_tsvector(string_to_array(words, ' ') || array_remove(
        ARRAY['#' || room, '@' || "user", '<' || ("key" >> 12), '<<' || ("key" >> 16),
          CASE WHEN files IS NOT NULL THEN '+' END], NULL))
    )) WITH (gin_pending_list_limit = 256) WHERE deleted_at IS NULL
    """,
)


def upgrade() -> None:
    op.create_table(
        "chat_users",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("name", NAME, unique=True),
        sa.Column("display", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("admin", sa.Boolean, nullable=False),
        sa.Column("password", sa.Text),
        sa.Column("avatar", NAME),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("disabled_at", NUMBER),
    )
    op.create_table(
        "chat_identities",
        sa.Column("issuer", NAME, nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject"),
    )
    op.create_index("chat_identities_user", "chat_identities", ["user"])
    op.create_table(
        "chat_logins",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("secret", NAME, nullable=False, unique=True),
        sa.Column("user", NAME, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("seen_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=False),
    )
    op.create_index("chat_logins_user", "chat_logins", ["user"])
    op.create_table(
        "chat_keys",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("secret", NAME, nullable=False, unique=True),
        sa.Column("user", NAME, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("by", NAME, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
    )
    op.create_index("chat_keys_user", "chat_keys", ["user"])
    op.create_table(
        "chat_tickets",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("expires_at", NUMBER, nullable=False),
    )
    op.create_table(
        "chat_settings",
        sa.Column("name", NAME, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "chat_passes",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("secret", NAME, nullable=False, unique=True),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("user", NAME),
        sa.Column("by", NAME),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER),
        sa.Column("uses", sa.Integer),
    )
    op.create_table(
        "chat_rooms",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("slug", NAME, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("slow", sa.Integer, nullable=False),
        sa.Column("keep", sa.Integer),
        sa.Column("by", NAME, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("archived_at", NUMBER),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("last_at", NUMBER, nullable=False),
        sa.Column("offset", NUMBER, nullable=False),
    )
    op.create_index("chat_rooms_kind", "chat_rooms", ["kind", "slug"])
    op.create_table(
        "chat_members",
        sa.Column("room", NAME, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("since", NUMBER, nullable=False),
        sa.Column("muted_until", NUMBER, nullable=False),
        sa.Column("spoke_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("room", "user"),
        sqlite_with_rowid=False,
    )
    op.create_index("chat_members_user", "chat_members", ["user", "room"])
    op.create_table(
        "chat_bans",
        sa.Column("room", NAME, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.Column("by", NAME, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("until", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("room", "user"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "chat_invites",
        sa.Column("room", NAME, nullable=False),
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("by", NAME, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=False),
        sa.Column("uses", sa.Integer),
        sa.PrimaryKeyConstraint("room", "id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "chat_messages",
        sa.Column("key", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("room", NAME, nullable=False),
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("reply_to", NUMBER),
        sa.Column("reply", sa.Text),
        sa.Column("files", sa.Text),
        sa.Column("mentions", sa.Text),
        sa.Column("nonce", sa.Text, nullable=False),
        sa.Column("edited_at", NUMBER),
        sa.Column("edited_in", NUMBER),
        sa.Column("deleted_at", NUMBER),
        sa.Column("deleted_by", NAME),
        sa.Column("pinned_at", NUMBER),
        sa.UniqueConstraint("room", "id"),
    )
    op.create_index("chat_messages_at", "chat_messages", ["room", "at"])
    where = sa.text("pinned_at IS NOT NULL")
    op.create_index(
        "chat_messages_pinned",
        "chat_messages",
        ["room", "pinned_at"],
        sqlite_where=where,
        postgresql_where=where,
    )
    where = sa.text("reply_to IS NOT NULL")
    op.create_index(
        "chat_messages_reply",
        "chat_messages",
        ["room", "reply_to"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_index("chat_messages_user", "chat_messages", ["user", "at"])
    op.create_table(
        "chat_reactions",
        sa.Column("room", NAME, nullable=False),
        sa.Column("message", NUMBER, nullable=False),
        sa.Column("emoji", NAME, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.Column("since", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("room", "message", "emoji", "user"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "chat_audit",
        sa.Column("room", NAME, nullable=False),
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("by", NAME, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("user", NAME),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("room", "id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "chat_preferences",
        sa.Column("user", NAME, nullable=False),
        sa.Column("room", NAME, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("muted", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("user", "room"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "chat_hooks",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("secret", NAME, nullable=False, unique=True),
        sa.Column("room", NAME, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.Column("by", NAME, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
    )
    op.create_index("chat_hooks_room", "chat_hooks", ["room"])
    op.create_table(
        "chat_files",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.Column("room", NAME),
        sa.Column("message", NUMBER),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("preview", sa.Boolean, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("gone_at", NUMBER),
    )
    where = sa.text("gone_at IS NOT NULL")
    op.create_index(
        "chat_files_gone",
        "chat_files",
        ["gone_at"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_index("chat_files_message", "chat_files", ["room", "message"])
    where = sa.text("message IS NULL")
    op.create_index(
        "chat_files_unsaid",
        "chat_files",
        ["user"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_table(
        "chat_administration",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("by", NAME, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("user", NAME),
        sa.Column("detail", sa.Text, nullable=False),
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_SEARCH if is_sqlite else POSTGRESQL_SEARCH:
        op.execute(statement)
