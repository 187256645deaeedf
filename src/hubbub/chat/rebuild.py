"""The rooms' tables, made anew from the logs.

What is done for a room is done in one transaction, of the caller's. The server is not to run
meanwhile: what it stores in between would be missing. What is beside the rooms (people, files,
preferences) stays as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar

from msgspec import MsgspecError, structs
from sqlalchemy import (
    Column,
    MetaData,
    Select,
    Table,
    delete,
    except_,
    func,
    insert,
    select,
    update,
)

from hubbub import ConfigurationError
from hubbub.chat import events as e
from hubbub.chat import schema
from hubbub.chat.projection import ROOMS, Chat

if TYPE_CHECKING:
    from sqlalchemy import Connection

P = ParamSpec("P")
T = TypeVar("T")

TABLES = (
    schema.rooms,
    schema.members,
    schema.bans,
    schema.invites,
    schema.messages,
    schema.reactions,
    schema.audit,
)
"""What is made of the logs, and of nothing else."""

Events = Callable[[str, int], Awaitable[Sequence[tuple[int, bytes]]]]
"""The next events of the log with that name behind an offset, with theirs; none at the end."""


class Run(Protocol):
    """Calls `work(connection, …)` in the transaction."""

    async def __call__(
        self, work: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...


class Incomplete(ConfigurationError):
    """The log is not there from its beginning, or holds what is no event of the chat."""


class Rebuilt(NamedTuple):
    """What was done: from how many events, and which room had this one's address by mistake, and
    has to be rebuilt as well."""

    events: int
    other: str | None


async def rebuild(
    run: Run, events: Events, room: str, told: Callable[[int], None] = lambda number: None
) -> Rebuilt:
    """Make the rows of the room with this id from its log. `told` is called with how many events
    more are done.

    Raises `Incomplete` where that cannot be done, and what the callables raise: then the
    transaction is to be taken back.
    """
    name = ROOMS + room
    done = 0
    slug: str | None = None
    page = await events(name, 0)
    if not page:
        raise Incomplete(f"there is nothing in the log of {room}: its tables stay as they are")
    await run(_clear, room)
    while page:
        read: dict[int, bytes] = {}
        for offset, data in page:
            done += 1
            if offset != done:
                raise Incomplete(
                    f"the log of {room} is not whole any more, from {done} on: its tables stay as "
                    "they are"
                )
            read[offset], slug = _without_slug(room, offset, data, slug)
        await run(Chat().replay, name, read)
        told(len(page))
        page = await events(name, done)
    return Rebuilt(done, await run(_address, room, slug))


def _without_slug(
    room: str, offset: int, data: bytes, slug: str | None
) -> tuple[bytes, str | None]:
    """The event with an address that no other room has, and the one that it should have.

    A room may have had an address on the way that is another's since.
    """
    try:
        event = e.event_of(data)
    except MsgspecError as error:
        raise Incomplete(f"event {offset} of {room} is none of this chat's: {error}") from error
    if isinstance(event, e.Created | e.Changed) and event.slug is not None:
        return e.to_json(structs.replace(event, slug=_nobodys(room))), event.slug
    return data, slug


def _nobodys(room: str) -> str:
    return f"~{room}"  # in front of which no slug has such a sign


def _clear(connection: Connection, room: str) -> None:
    for one in TABLES:
        connection.execute(delete(one).where(_room_of(one) == room))


def _address(connection: Connection, room: str, slug: str | None) -> str | None:
    """Give the room its address, whoever has it; and who that was."""
    c = schema.rooms.c
    asked = select(c.id).where(c.slug == slug, c.id != room)
    other: str | None = None if slug is None else connection.scalar(asked)
    if other is not None:
        taken = update(schema.rooms).where(c.id == other)
        connection.execute(taken.values(slug=_nobodys(other)))
    connection.execute(update(schema.rooms).where(c.id == room).values(slug=slug))
    return other


def _room_of(one: Table) -> Column[str]:
    return one.c.id if one is schema.rooms else one.c.room


# Checking. ------------------------------------------------------------------------------------


class Difference(NamedTuple):
    """Rows of a table that the log knows nothing of, and those of the log's that are not there."""

    table: str
    foreign: int
    missing: int


def remember(connection: Connection, room: str) -> None:
    """Before `rebuild`: remember the room's rows, for `differences`, in this transaction."""
    for one in TABLES:
        copy, names = _copy(one), [column.name for column in _columns(one)]
        copy.create(connection)
        rows = select(*_columns(one)).where(_room_of(one) == room)
        connection.execute(insert(copy).from_select(names, rows))


def differences(connection: Connection, room: str) -> list[Difference]:
    """After `rebuild`: in what the rows are other than they were."""
    found = []
    for one in TABLES:
        copy = _copy(one)
        before, after = select(copy), select(*_columns(one)).where(_room_of(one) == room)
        foreign = connection.scalar(_more(before, after)) or 0
        missing = connection.scalar(_more(after, before)) or 0
        if foreign or missing:
            found.append(Difference(str(one.name), foreign, missing))
        copy.drop(connection)
    return found


def _columns(one: Table) -> list[Column[Any]]:
    # The key of a message is for the search alone, and another each time.
    return [column for column in one.columns if column.name != "key"]


def _copy(one: Table) -> Table:
    columns = [Column(column.name, column.type) for column in _columns(one)]
    return Table(f"before_{one.name}", MetaData(), *columns, prefixes=["TEMPORARY"])


def _more(these: Select[Any], those: Select[Any]) -> Select[int]:
    """How many of these rows are not among those."""
    return select(func.count()).select_from(except_(these, those).subquery())
