"""The chat's tables, alike in SQLite and PostgreSQL. Times are Unix milliseconds.

Those under "rooms" are the projection of the rooms' logs, and nothing else writes them; what is
under "people" and "beside" are facts of their own. The migrations beside this file bring a
database there; a test holds them to these definitions.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

NAME: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
"""Compared by code points, as in SQLite, whatever the database's language is."""

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""63 bits; in SQLite INTEGER is what can be a row's own number."""

metadata = MetaData()

# People.

users = Table(
    "chat_users",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("name", NAME, unique=True, comment="as mentioned: lower case; none for who is gone"),
    Column("display", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="person, guest or bot"),
    Column("admin", Boolean, nullable=False, default=False),
    Column("password", Text, comment="argon2; none for who signs in elsewhere, or not at all"),
    Column("avatar", NAME, comment="a file; none for the generated one"),
    Column("status", Text, nullable=False, default=""),
    Column("created_at", NUMBER, nullable=False),
    Column("disabled_at", NUMBER),
)

identities = Table(
    "chat_identities",
    metadata,
    Column("issuer", NAME, nullable=False),
    Column("subject", NAME, nullable=False),
    Column("user", NAME, nullable=False),
    PrimaryKeyConstraint("issuer", "subject"),
)
Index("chat_identities_user", identities.c.user)

logins = Table(
    "chat_logins",
    metadata,
    Column("id", NAME, primary_key=True, comment="what the sockets of this login are known by"),
    Column("secret", NAME, nullable=False, unique=True, comment="hash of what the cookie holds"),
    Column("user", NAME, nullable=False),
    Column("agent", Text, nullable=False, default=""),
    Column("created_at", NUMBER, nullable=False),
    Column("seen_at", NUMBER, nullable=False),
    Column("expires_at", NUMBER, nullable=False),
)
Index("chat_logins_user", logins.c.user)

keys = Table(
    "chat_keys",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("secret", NAME, nullable=False, unique=True, comment="hash of a bot's key"),
    Column("user", NAME, nullable=False),
    Column("name", Text, nullable=False),
    Column("by", NAME, nullable=False),
    Column("created_at", NUMBER, nullable=False),
)
Index("chat_keys_user", keys.c.user)

tickets = Table(
    "chat_tickets",
    metadata,
    Column("id", NAME, primary_key=True, comment="of a socket's token that was used"),
    Column("expires_at", NUMBER, nullable=False),
)

settings = Table(
    "chat_settings",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("value", Text, nullable=False, comment="JSON"),
)

passes = Table(
    "chat_passes",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("secret", NAME, nullable=False, unique=True, comment="hash of the link's code"),
    Column("purpose", Text, nullable=False, comment="administrator, account or password"),
    Column("user", NAME, comment="whose password it sets"),
    Column("by", NAME, comment="none where the server made it"),
    Column("created_at", NUMBER, nullable=False),
    Column("expires_at", NUMBER),
    Column("uses", Integer, comment="left; none for any number"),
)

# Rooms: what the events in the logs amount to.

rooms = Table(
    "chat_rooms",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("kind", Text, nullable=False, comment="public, private or direct"),
    Column("slug", NAME, unique=True, comment="of the name, for addresses; none for direct ones"),
    Column("name", Text, nullable=False),
    Column("topic", Text, nullable=False, default=""),
    Column("slow", Integer, nullable=False, default=0, comment="seconds between two messages"),
    Column("keep", Integer, comment="days that messages are kept; none for ever"),
    Column("by", NAME, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    Column("archived_at", NUMBER),
    Column("people", Integer, nullable=False, default=0, comment="members"),
    Column("last_at", NUMBER, nullable=False, comment="of the last message, or the beginning"),
    Column("offset", NUMBER, nullable=False, comment="of the last event that is in these tables"),
)
Index("chat_rooms_kind", rooms.c.kind, rooms.c.slug)

members = Table(
    "chat_members",
    metadata,
    Column("room", NAME, nullable=False),
    Column("user", NAME, nullable=False),
    Column("role", Text, nullable=False, comment="owner, moderator, member or guest"),
    Column("since", NUMBER, nullable=False, comment="offset of the event"),
    Column("muted_until", NUMBER, nullable=False, default=0),
    Column("spoke_at", NUMBER, nullable=False, default=0, comment="for slow mode"),
    PrimaryKeyConstraint("room", "user"),
    sqlite_with_rowid=False,
)
Index("chat_members_user", members.c.user, members.c.room)

bans = Table(
    "chat_bans",
    metadata,
    Column("room", NAME, nullable=False),
    Column("user", NAME, nullable=False),
    Column("by", NAME, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("at", NUMBER, nullable=False),
    Column("until", NUMBER, nullable=False, comment="0 for good"),
    PrimaryKeyConstraint("room", "user"),
    sqlite_with_rowid=False,
)

invites = Table(
    "chat_invites",
    metadata,
    Column("room", NAME, nullable=False),
    Column("id", NUMBER, nullable=False, comment="offset of the event"),
    Column("by", NAME, nullable=False),
    Column("at", NUMBER, nullable=False),
    Column("expires_at", NUMBER, nullable=False, comment="0 for never"),
    Column("uses", Integer, comment="left; none for any number"),
    PrimaryKeyConstraint("room", "id"),
    sqlite_with_rowid=False,
)

messages = Table(
    "chat_messages",
    metadata,
    Column("key", NUMBER, primary_key=True, autoincrement=True, comment="for the search"),
    Column("room", NAME, nullable=False),
    Column("id", NUMBER, nullable=False, comment="offset of the event"),
    Column("user", NAME, nullable=False),
    Column("at", NUMBER, nullable=False),
    Column("text", Text, nullable=False),
    Column("words", Text, nullable=False, comment="the text as it is searched"),
    Column("reply_to", NUMBER, comment="the message that is answered"),
    Column("reply", Text, comment="JSON: its user and beginning, as it was then"),
    Column("files", Text, comment="JSON: what is attached"),
    Column("mentions", Text, comment="JSON: users, * for everyone"),
    Column("nonce", Text, nullable=False, default=""),
    Column("edited_at", NUMBER),
    Column("edited_in", NUMBER, comment="offset of the last edit's event"),
    Column("deleted_at", NUMBER),
    Column("deleted_by", NAME),
    Column("pinned_at", NUMBER),
    UniqueConstraint("room", "id"),
)
Index("chat_messages_at", messages.c.room, messages.c.at)
Index("chat_messages_user", messages.c.user, messages.c.at)
Index(
    "chat_messages_reply",
    messages.c.room,
    messages.c.reply_to,
    sqlite_where=messages.c.reply_to.is_not(None),
    postgresql_where=messages.c.reply_to.is_not(None),
)
Index(
    "chat_messages_pinned",
    messages.c.room,
    messages.c.pinned_at,
    sqlite_where=messages.c.pinned_at.is_not(None),
    postgresql_where=messages.c.pinned_at.is_not(None),
)

reactions = Table(
    "chat_reactions",
    metadata,
    Column("room", NAME, nullable=False),
    Column("message", NUMBER, nullable=False),
    Column("emoji", NAME, nullable=False),
    Column("user", NAME, nullable=False),
    Column("since", NUMBER, nullable=False, comment="offset of the event"),
    PrimaryKeyConstraint("room", "message", "emoji", "user"),
    sqlite_with_rowid=False,
)

audit = Table(
    "chat_audit",
    metadata,
    Column("room", NAME, nullable=False),
    Column("id", NUMBER, nullable=False, comment="offset of the event"),
    Column("at", NUMBER, nullable=False),
    Column("by", NAME, nullable=False),
    Column("action", Text, nullable=False),
    Column("user", NAME, comment="whom it was done to"),
    Column("detail", Text, nullable=False, comment="JSON"),
    PrimaryKeyConstraint("room", "id"),
    sqlite_with_rowid=False,
)

# Beside: what belongs to a person in a room, or to a room, and is in no log.

preferences = Table(
    "chat_preferences",
    metadata,
    Column("user", NAME, nullable=False),
    Column("room", NAME, nullable=False),
    Column("level", Text, nullable=False, comment="all, mentions or nothing"),
    Column("muted", Boolean, nullable=False),
    PrimaryKeyConstraint("user", "room"),
    sqlite_with_rowid=False,
)

hooks = Table(
    "chat_hooks",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("secret", NAME, nullable=False, unique=True, comment="hash of the address's code"),
    Column("room", NAME, nullable=False),
    Column("user", NAME, nullable=False, comment="the bot that speaks"),
    Column("by", NAME, nullable=False),
    Column("created_at", NUMBER, nullable=False),
)
Index("chat_hooks_room", hooks.c.room)

files = Table(
    "chat_files",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("kind", Text, nullable=False, comment="attachment or avatar"),
    Column("user", NAME, nullable=False, comment="who brought it"),
    Column("room", NAME, comment="none until it is said, and for an avatar"),
    Column("message", NUMBER, comment="none until it is said, and for an avatar"),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False, comment="by content"),
    Column("size", NUMBER, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("preview", Boolean, nullable=False, comment="whether there is a smaller picture"),
    Column("at", NUMBER, nullable=False),
    Column("gone_at", NUMBER, comment="its bytes are to be deleted, and then this row"),
)
Index("chat_files_message", files.c.room, files.c.message)
Index(
    "chat_files_unsaid",
    files.c.user,
    sqlite_where=files.c.message.is_(None),
    postgresql_where=files.c.message.is_(None),
)
Index(
    "chat_files_gone",
    files.c.gone_at,
    sqlite_where=files.c.gone_at.is_not(None),
    postgresql_where=files.c.gone_at.is_not(None),
)

administration = Table(
    "chat_administration",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("at", NUMBER, nullable=False),
    Column("by", NAME, nullable=False),
    Column("action", Text, nullable=False),
    Column("user", NAME),
    Column("detail", Text, nullable=False, comment="JSON"),
)
