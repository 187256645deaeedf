"""A batch that changes more than the logs it enters: what projections make of it, what becomes
unread, and what it erases. In one transaction of several statements, alike for SQLite and
PostgreSQL; batches that need none of this go another way, in one statement.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from hubbub.errors import Refused
from hubbub.model import Appended, Draft, Fate, Position
from hubbub.stores import schema
from hubbub.stores.projections import Projections
from hubbub.stores.rows import (
    Entry,
    Head,
    Key,
    Name,
    Use,
    data_text,
    digest,
    enter,
    erased,
    info_text,
    key_of,
    mentioned,
    tags_text,
    turned_away,
    user_of,
)
from hubbub.tables import Projection, Step
from hubbub.tables.rows import put, remove, update

if TYPE_CHECKING:
    from sqlalchemy import Connection

log = logging.getLogger("hubbub")

INTERNAL_ERROR = 100
"""The code that a client is told where a projection failed (protocol.md section 10.1)."""


class Book(Protocol):
    """The log's own tables, in the transaction of a batch."""

    def known(
        self, rooms: Sequence[str], names: Sequence[Name]
    ) -> tuple[dict[str, Head], dict[Name, Use]]:
        """How the logs of `rooms` stand, and what of `names` was used for within the window.

        The logs are this transaction's from here on, and all of them are there.
        """

    def put(self, heads: Sequence[Head], entries: Sequence[Entry], keys: Sequence[Key]) -> None:
        """Write what a batch has become, at least one entry."""


class Mistake(Exception):
    """A projection raised what it must not, its cause: nothing of the batch is stored."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__("a projection failed")
        self._ledger = ledger

    def refusal(self) -> Appended:
        """What becomes of a draft that was alone in its batch."""
        return self._ledger.refusal(self)


class Ledger:
    """The drafts of one call on their way into log and tables, at `at` (Unix milliseconds).

    `outage` tells what is the database's trouble from what is a projection's mistake.
    """

    def __init__(
        self,
        drafts: Sequence[tuple[str, Draft]],
        at: int,
        projections: Projections,
        outage: Callable[[Exception], bool],
    ) -> None:
        self._drafts = drafts
        self._at = at
        self._projections = projections
        self._outage = outage
        self._heads: dict[str, Head] = {}
        self._uses: dict[Name, Use] = {}
        self._stood: dict[str, Position] = {}
        self._steps: dict[str, Step] = {}
        self._changed: dict[str, Head] = {}
        self._keys: list[Key] = []
        self._places: dict[tuple[int, int], int] = {}
        """Of each entry, by log and seq, its number among them."""
        self._counting: dict[tuple[int, int], tuple[str, set[str]]] = {}
        """By log and seq: who published what counts as unread, and whom it mentions."""
        self._erased: dict[tuple[int, int], str] = {}
        """By log and seq: what takes the place of the data of an older entry."""
        self.made: list[Appended] = []
        self.entries: list[Entry] = []
        self.concerned = False
        """Whether a projection takes part."""

    def carry(self, connection: Connection, book: Book) -> None:
        """Find out what becomes of each draft, and write it. Where there are no `entries` after
        that, nothing is written. Raises `Mistake`, and what the database does."""
        rooms = list(dict.fromkeys(room for room, _ in self._drafts))
        names = {(room, user_of(one), key_of(one)): None for room, one in self._drafts if one.key}
        self._heads, self._uses = book.known(rooms, list(names))
        self._stood = {room: _top(head) for room, head in self._heads.items()}
        try:
            self._carry(connection, book)
        except Exception as error:
            if not self.concerned or self._outage(error):
                raise
            raise Mistake(self) from error

    def refusal(self, mistake: Mistake) -> Appended:
        """What becomes of the only draft, after a mistake of the projection of its room."""
        ((room, _),) = self._drafts
        log.error("the projection of %s failed, and nothing is stored:\n%s", room, _told(mistake))
        refused = Refused("internal error", INTERNAL_ERROR)
        return Appended(self._stood[room], Fate.REFUSED, refused=refused)

    def _carry(self, connection: Connection, book: Book) -> None:
        steps = self._begin(connection)
        for room, draft in self._drafts:
            self.made.append(self._judge(room, draft))
        if not self.entries:
            return
        book.put(list(self._changed.values()), self.entries, self._keys)
        self._write(connection)
        for step in steps:
            step.finish()

    def _begin(self, connection: Connection) -> list[Step]:
        concerns = {room: self._projections.of(room) for room in self._heads}
        theirs: dict[int, tuple[Projection, list[tuple[str, Draft]]]] = {}
        for room, draft in self._drafts:
            projection = concerns[room]
            if projection is not None:
                theirs.setdefault(id(projection), (projection, []))[1].append((room, draft))
        self.concerned = bool(theirs)
        steps = []
        for projection, drafts in theirs.values():
            step = projection.begin(connection, drafts)
            self._steps.update((room, step) for room, _ in drafts)
            steps.append(step)
        return steps

    def _judge(self, room: str, draft: Draft) -> Appended:
        head, name = self._heads[room], (room, user_of(draft), key_of(draft))
        turned = turned_away(head, draft, self._uses.get(name) if draft.key else None)
        if turned is not None:
            return turned
        kept, step = draft, self._steps.get(room)
        if step is not None:
            try:
                kept = step.take(room, draft, head.top + 1, self._at)
                if not isinstance(kept, Draft):
                    raise TypeError(f"`take` is to give a draft, not a {type(kept).__name__}")
            except Refused as refused:
                return Appended(_top(head), Fate.REFUSED, refused=refused.with_traceback(None))
        position = enter(head, draft)
        head.touched = self._at
        self._changed[room] = head
        self._keep(head, kept)
        if draft.key:
            # Of what was given: who repeats it knows nothing of what was made of it.
            use = self._uses[name] = Use(head.top, digest(draft))
            self._keys.append(Key(head.id, name[1], name[2], use.seq, self._at, use.digest))
        return Appended(position, draft=None if kept is draft else kept)

    def _keep(self, head: Head, draft: Draft) -> None:
        place = (head.id, head.top)
        self._places[place] = len(self.entries)
        tags, info = tags_text(draft.tags), info_text(draft.info)
        entry = Entry(head.id, head.top, self._at, data_text(draft), tags, info)
        self.entries.append(entry)
        if draft.unread:
            self._counting[place] = user_of(draft), mentioned(draft)
        for seq, data in erased(draft, head.top):
            if seq < head.first:
                continue
            place = (head.id, seq)
            number = self._places.get(place)
            if number is None:
                self._erased[place] = data.decode()
            else:
                self.entries[number] = self.entries[number]._replace(data=data.decode())
                self._counting.pop(place, None)

    def _write(self, connection: Connection) -> None:
        """Write what becomes unread, and what is erased of what was there."""
        unread = [
            {"log": log, "seq": seq, "user": user}
            for (log, seq), (user, _) in self._counting.items()
        ]
        mentions = [
            {"log": log, "seq": seq, "user": user}
            for (log, seq), (_, users) in self._counting.items()
            for user in users
        ]
        put(connection, schema.unread, unread)
        put(connection, schema.mentions, mentions)
        if self._erased:
            update(
                connection,
                schema.entries,
                [
                    {"log": log, "seq": seq, "data": data}
                    for (log, seq), data in self._erased.items()
                ],
            )
            for table in (schema.unread, schema.mentions):
                remove(connection, table, list(self._erased))


def _top(head: Head) -> Position:
    return Position(head.top, head.epoch)


def _told(mistake: Mistake) -> str:
    """Where it was made and what it is, without the rows that a database tells in further lines."""
    error = mistake.__cause__
    assert error is not None
    text = str(error).partition("\n")[0]
    return "".join([*traceback.format_tb(error.__traceback__), f"{type(error).__name__}: {text}"])
