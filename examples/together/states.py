"""Each text as it stands, in a table beside the log of its changes.

It is written in the transaction that stores a change, so that it has all that anyone has seen,
and the log can be trimmed without a thought.
"""

from collections.abc import Sequence

from pycrdt import Doc, merge_updates
from sqlalchemy import (
    Column,
    Connection,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    insert,
    select,
)

from hubbub import Refused
from hubbub.tables import Draft

MOST = 1_048_576
"""Bytes of one text, with what Yjs knows of it."""

NOTHING = Doc().get_update()

metadata = MetaData()
states = Table(
    "together_states",
    metadata,
    Column("room", String(255), primary_key=True),
    Column("state", LargeBinary, nullable=False),
)


def create(connection: Connection) -> None:
    metadata.create_all(connection)


def find(connection: Connection, room: str) -> bytes:
    """The text of `room`, as an update that makes it of nothing."""
    found = connection.execute(select(states.c.state).where(states.c.room == room)).scalar()
    return NOTHING if found is None else bytes(found)


class Keeper:
    """A `hubbub.tables.Projection`: what the changes of a text amount to."""

    def concerns(self, room: str) -> bool:
        return room.startswith("text:")

    def begin(self, connection: Connection, drafts: Sequence[tuple[str, Draft]]) -> "Changes":
        return Changes(connection, {room for room, _ in drafts})


class Changes:
    """Those of one batch, in its transaction."""

    def __init__(self, connection: Connection, rooms: set[str]) -> None:
        self._connection = connection
        self._states = {room: find(connection, room) for room in rooms}

    def take(self, room: str, draft: Draft, offset: int, at: int) -> Draft:
        # Updates are merged rather than applied to a Doc: that would leave out one whose
        # predecessors have not come, and then they would come without it.
        try:
            state = merge_updates(self._states[room], draft.data)
        except ValueError:
            raise Refused("this is no update of Yjs") from None
        if len(state) > MOST:
            raise Refused("the text is full")
        self._states[room] = state
        return draft

    def finish(self) -> None:
        rows = [{"room": room, "state": state} for room, state in self._states.items()]
        self._connection.execute(delete(states).where(states.c.room.in_(self._states)))
        self._connection.execute(insert(states), rows)
