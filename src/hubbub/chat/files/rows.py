"""The rows of files, in `schema.files`: work for `Tables.read` and `Tables.write`.

A file is brought, and belongs to who brought it alone; then it is said, with a message, and is
its room's. It is gone when its message is, or when it was not said in time: its row stays until
its bytes are deleted, so that nothing is forgotten where the server stops in between.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, exists, func, insert, or_, select, update

from hubbub import Refused
from hubbub.chat.events import File
from hubbub.chat.files.blobs import is_key
from hubbub.chat.files.limits import FileLimits
from hubbub.chat.rules import CONFLICT
from hubbub.chat.schema import files, users
from hubbub.chat.state import FileRow

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

ATTACHMENT = "attachment"
AVATAR = "avatar"


class Stored(NamedTuple):
    """A file. `at` is when it was brought (Unix milliseconds); `room` is None until it is said."""

    id: str
    kind: str
    user: str
    room: str | None
    name: str
    type: str
    size: int
    width: int | None
    height: int | None
    preview: bool
    at: int

    @property
    def file(self) -> File:
        """As messages have it."""
        return File(self.id, self.name, self.type, self.size, self.width, self.height, self.preview)


_STORED = [files.c[name] for name in Stored._fields]

_THERE = files.c.gone_at.is_(None)
_UNSAID = files.c.message.is_(None)


# Bringing. -----------------------------------------------------------------------------------


def check_unsaid(connection: Connection, user: str, size: int, limits: FileLimits) -> None:
    """Raises `Refused` where the user, with one more file of `size` bytes, has brought more than
    they may have without sending it."""
    c = files.c
    asked = select(func.count(), func.coalesce(func.sum(c.size), 0)).where(
        c.user == user, _UNSAID, _THERE, c.kind == ATTACHMENT
    )
    count, total = connection.execute(asked).one()
    if count >= limits.unsaid or total + size > limits.unsaid_size:
        raise Refused(
            f"you have {count} files, of {total} bytes, that were not sent yet: send or remove "
            f"some of them first. At most {limits.unsaid} files wait, of {limits.unsaid_size} "
            "bytes together, and each for a day",
            CONFLICT,
        )


def add(connection: Connection, file: Stored, limits: FileLimits) -> None:
    """Add an attachment. Raises `Refused` as `check_unsaid` does."""
    # Two that are added at once are counted one after the other.
    connection.execute(select(users.c.id).where(users.c.id == file.user).with_for_update())
    check_unsaid(connection, file.user, file.size, limits)
    connection.execute(insert(files), file._asdict())


def add_avatar(connection: Connection, file: Stored) -> None:
    """Add a picture of its user, and show it in the place of the one before."""
    show_avatar(connection, file.user, file.id, file.at)
    connection.execute(insert(files), file._asdict())


def show_avatar(connection: Connection, user: str, id: str | None, at: int) -> None:
    """Have the user's picture be that file, none for None; the one before is gone."""
    connection.execute(update(users).where(users.c.id == user).values(avatar=id))
    c = files.c
    connection.execute(
        update(files).where(c.user == user, _UNSAID, _THERE, c.kind == AVATAR).values(gone_at=at)
    )


def discard(connection: Connection, user: str, id: str, at: int) -> bool:
    """Have an attachment of the user's that was not said be gone. Whether there was one."""
    c = files.c
    done = connection.execute(
        update(files)
        .where(c.id == id, c.user == user, _UNSAID, _THERE, c.kind == ATTACHMENT)
        .values(gone_at=at)
    )
    return done.rowcount == 1


def find_file(connection: Connection, id: str) -> Stored | None:
    """The file with this id, unless it is gone."""
    row = connection.execute(select(*_STORED).where(files.c.id == id, _THERE)).one_or_none()
    return None if row is None else Stored(*row)


# For the projection, in the transaction of the log. -------------------------------------------


def brought(connection: Connection, ids: Collection[str]) -> dict[str, FileRow]:
    """What is there of these attachments, by id; `said` of those that a message has already.

    Until the transaction ends nobody else says them or lets them go.
    """
    keys = [id for id in ids if is_key(id)]  # no database has anything else, and not all take it
    if not keys:
        return {}
    asked = (
        select(*_STORED, files.c.message)
        .where(files.c.id.in_(keys), _THERE, files.c.kind == ATTACHMENT)
        .order_by(files.c.id)  # so that no two transactions wait for each other
        .with_for_update()
    )
    return {row.id: _file_row(row) for row in connection.execute(asked)}


def _file_row(row: Row[*tuple[object, ...]]) -> FileRow:
    *stored, message = row
    file = Stored(*stored)  # type: ignore[arg-type]
    return FileRow(file.file, file.user, message is not None)


def attach(connection: Connection, room: str, message: int, ids: Collection[str]) -> None:
    """Have the message in the room be the one that these files are said with."""
    connection.execute(update(files).where(files.c.id.in_(ids)).values(room=room, message=message))


def detach(connection: Connection, room: str, messages: Iterable[int], at: int) -> None:
    """Have the files of these messages of the room be gone, at the time `at`."""
    c = files.c
    connection.execute(
        update(files)
        .where(c.room == room, c.message.in_(list(messages)), _THERE)
        .values(gone_at=at)
    )


# Sweeping. ------------------------------------------------------------------------------------


def let_go(connection: Connection, before: int, at: int) -> int:
    """Have what was brought before that time, and is neither said nor anybody's picture, be
    gone. Returns how many."""
    c = files.c
    shown = exists().where(users.c.id == c.user, users.c.avatar == c.id)
    done = connection.execute(
        update(files)
        .where(_UNSAID, _THERE, c.at < before, or_(c.kind == ATTACHMENT, ~shown))
        .values(gone_at=at)
    )
    return done.rowcount


def gone(connection: Connection, limit: int) -> list[str]:
    """The ids of some files that are gone."""
    asked = select(files.c.id).where(files.c.gone_at.is_not(None)).limit(limit)
    return list(connection.execute(asked).scalars())


def forget(connection: Connection, ids: Collection[str]) -> None:
    """Delete the rows of these files: their bytes are deleted."""
    connection.execute(delete(files).where(files.c.id.in_(ids)))


def known(connection: Connection, ids: Collection[str]) -> set[str]:
    """Those of these ids that have a row, gone or not."""
    return set(connection.execute(select(files.c.id).where(files.c.id.in_(ids))).scalars())
