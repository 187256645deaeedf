"""What holds for the rows of files, in each database that they may be in."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import pytest
from sqlalchemy import Connection, select

from hubbub import Refused
from hubbub.chat.events import File
from hubbub.chat.files.blobs import new_id
from hubbub.chat.files.limits import FileLimits
from hubbub.chat.files.rows import (
    ATTACHMENT,
    AVATAR,
    Stored,
    add,
    add_avatar,
    attach,
    brought,
    check_unsaid,
    detach,
    discard,
    find_file,
    forget,
    gone,
    known,
    let_go,
    show_avatar,
)
from hubbub.chat.schema import users
from hubbub.tables import Tables

Law: TypeAlias = Callable[[Tables], Awaitable[None]]

Race: TypeAlias = Callable[[Sequence[Tables]], Awaitable[None]]
"""Between several servers on one database."""

LIMITS = FileLimits(unsaid=3, unsaid_size=100)


def stored(user: str = "ann", size: int = 10, at: int = 0, kind: str = ATTACHMENT) -> Stored:
    return Stored(new_id(), kind, user, None, "a b.png", "image/png", size, 640, None, True, at)


async def bring(tables: Tables, user: str = "ann", size: int = 10, at: int = 0) -> Stored:
    file = stored(user, size, at)
    await tables.write(add, file, LIMITS)
    return file


async def say(tables: Tables, room: str, message: int, *files: Stored) -> None:
    await tables.write(attach, room, message, [file.id for file in files])


async def what_is_brought_is_found_and_is_its_users(tables: Tables) -> None:
    file = await bring(tables)
    assert await tables.read(find_file, file.id) == file
    assert await tables.read(find_file, new_id()) is None
    found = await tables.write(brought, [file.id, new_id(), "", "\0", "'"])
    assert list(found) == [file.id]
    row = found[file.id]
    assert (row.user, row.said) == ("ann", False)
    assert row.file == File(file.id, "a b.png", "image/png", 10, 640, None, True)
    assert await tables.write(brought, []) == {}


async def what_is_said_is_its_rooms(tables: Tables) -> None:
    one, two, other = [await bring(tables) for _ in range(3)]
    await say(tables, "room", 7, one, two)
    found = await tables.read(find_file, two.id)
    assert found == two._replace(room="room")
    rows = await tables.write(brought, [one.id, two.id, other.id])
    assert {id: row.said for id, row in rows.items()} == {
        one.id: True, two.id: True, other.id: False
    }  # fmt: skip


async def what_a_message_had_is_gone_with_it(tables: Tables) -> None:
    files = [await bring(tables) for _ in range(3)]
    for message, file in enumerate(files, 1):
        await say(tables, "room", message, file)
    elsewhere = await bring(tables)
    await say(tables, "other", 1, elsewhere)
    await tables.write(detach, "room", [1, 3, 99], 5)
    assert [await tables.read(find_file, file.id) is None for file in files] == [
        True, False, True
    ]  # fmt: skip
    assert await tables.read(find_file, elsewhere.id) is not None
    assert set(await tables.read(gone, 10)) == {files[0].id, files[2].id}
    assert await tables.write(brought, [files[0].id]) == {}


async def only_so_many_are_brought_and_not_said(tables: Tables) -> None:
    files = [await bring(tables) for _ in range(3)]
    with pytest.raises(Refused, match="3 files") as caught:
        await bring(tables)
    assert caught.value.code == 409
    await bring(tables, "bob")
    await say(tables, "room", 1, files[0])
    await bring(tables)
    await tables.write(discard, "ann", files[1].id, 1)
    await bring(tables)
    with pytest.raises(Refused):
        await tables.read(check_unsaid, "ann", 1, LIMITS)


async def only_so_many_bytes_are_brought_and_not_said(tables: Tables) -> None:
    first = await bring(tables, size=60)
    await bring(tables, size=40)
    for size in (1, 0):
        with_more = tables.read(check_unsaid, "ann", size, LIMITS)
        if size:
            with pytest.raises(Refused, match="of 100 bytes"):
                await with_more
        else:
            await with_more
    await say(tables, "room", 1, first)
    await bring(tables, size=60)


async def brought_at_once_they_are_counted_all_the_same(servers: Sequence[Tables]) -> None:
    done = await asyncio.gather(
        *(bring(servers[number % len(servers)]) for number in range(12)), return_exceptions=True
    )
    assert sum(isinstance(one, Stored) for one in done) == 3
    assert sum(isinstance(one, Refused) for one in done) == 9


async def a_file_is_said_once_whoever_says_it_at_once(servers: Sequence[Tables]) -> None:
    files = [await bring(servers[0]) for _ in range(3)]
    ids = [file.id for file in files]

    def claim(connection: Connection, room: str, ids: list[str]) -> bool:
        rows = brought(connection, ids)
        if any(row.said for row in rows.values()):
            return False
        for _ in range(20):  # long enough for others to be in here, if they could
            connection.execute(select(users.c.id))
        attach(connection, room, 1, ids)
        return True

    claims = [
        servers[number % len(servers)].write(claim, f"room{number}", ids[:: (-1) ** number])
        for number in range(6)
    ]
    assert sorted(await asyncio.gather(*claims)) == [False] * 5 + [True]
    found = [await servers[0].read(find_file, id) for id in ids]
    assert len({file.room for file in found if file is not None}) == 1


async def what_is_not_said_can_be_let_go_by_its_user_alone(tables: Tables) -> None:
    file, said = await bring(tables), await bring(tables)
    await say(tables, "room", 1, said)
    assert not await tables.write(discard, "bob", file.id, 1)
    assert not await tables.write(discard, "ann", said.id, 1)
    assert await tables.write(discard, "ann", file.id, 1)
    assert not await tables.write(discard, "ann", file.id, 1)
    assert await tables.read(gone, 10) == [file.id]


async def one_picture_of_a_user_is_shown_and_the_one_before_is_gone(tables: Tables) -> None:
    def shown(connection: Connection) -> str | None:
        return connection.scalar(select(users.c.avatar).where(users.c.id == "ann"))

    one, two = stored(kind=AVATAR), stored(kind=AVATAR)
    attachment = await bring(tables)
    others = stored("bob", kind=AVATAR)
    for file in (one, others, two):
        await tables.write(add_avatar, file)
    assert await tables.read(shown) == two.id
    assert await tables.read(gone, 10) == [one.id]
    await tables.write(show_avatar, "ann", None, 9)
    assert await tables.read(shown) is None
    assert set(await tables.read(gone, 10)) == {one.id, two.id}
    assert await tables.read(find_file, attachment.id) is not None
    assert await tables.read(find_file, others.id) is not None


async def a_picture_of_a_user_is_no_attachment(tables: Tables) -> None:
    picture = stored(kind=AVATAR, size=1000)
    await tables.write(add_avatar, picture)
    assert await tables.write(brought, [picture.id]) == {}
    assert not await tables.write(discard, "ann", picture.id, 1)
    await bring(tables, size=100)


async def what_waits_for_too_long_is_let_go(tables: Tables) -> None:
    old, new, said = await bring(tables, at=4), await bring(tables, at=5), await bring(tables, at=4)
    await say(tables, "room", 1, said)
    shown, not_shown = stored(kind=AVATAR, at=4), stored("bob", kind=AVATAR, at=4)
    await tables.write(add_avatar, not_shown)
    await tables.write(add_avatar, shown)

    def hide(connection: Connection) -> None:
        connection.execute(users.update().where(users.c.id == "bob").values(avatar=None))

    await tables.write(hide)
    assert await tables.write(let_go, 5, 100) == 2
    assert set(await tables.read(gone, 10)) == {old.id, not_shown.id}
    assert await tables.write(let_go, 5, 100) == 0
    assert await tables.write(brought, [new.id]) != {}


async def what_is_forgotten_is_not_known(tables: Tables) -> None:
    one, two = await bring(tables), await bring(tables)
    await tables.write(discard, "ann", one.id, 1)
    assert await tables.read(known, [one.id, two.id, new_id()]) == {one.id, two.id}
    assert await tables.read(gone, 0) == []
    await tables.write(forget, [one.id])
    assert await tables.read(known, [one.id, two.id]) == {two.id}
    assert await tables.read(gone, 10) == []


LAWS: list[Law] = [
    what_is_brought_is_found_and_is_its_users,
    what_is_said_is_its_rooms,
    what_a_message_had_is_gone_with_it,
    only_so_many_are_brought_and_not_said,
    only_so_many_bytes_are_brought_and_not_said,
    what_is_not_said_can_be_let_go_by_its_user_alone,
    one_picture_of_a_user_is_shown_and_the_one_before_is_gone,
    a_picture_of_a_user_is_no_attachment,
    what_waits_for_too_long_is_let_go,
    what_is_forgotten_is_not_known,
]

RACES: list[Race] = [
    brought_at_once_they_are_counted_all_the_same,
    a_file_is_said_once_whoever_says_it_at_once,
]
