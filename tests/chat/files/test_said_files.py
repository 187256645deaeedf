"""Files and the messages that they are said with: in the transaction of the log."""

from typing import Any

import pytest
from sqlalchemy import Connection
from tests.chat.files.row_laws import bring
from tests.support.tables import Watched

from hubbub import Refused
from hubbub.chat import events as e
from hubbub.chat.files.blobs import new_id
from hubbub.chat.files.rows import Stored, discard, find_file, gone
from hubbub.chat.projection import Chat
from hubbub.model import ClientInfo
from hubbub.tables import Draft


class Log:
    """Gives wishes to the projection as a store does: in batches, each a transaction."""

    def __init__(self, tables: Watched) -> None:
        self._tables = tables
        self._top = 0

    async def batch(self, *wishes: tuple[str, e.Wish]) -> list[e.AnyEvent | Refused]:
        return await self._tables.write(self._batch, wishes)

    def _batch(self, connection: Connection, wishes: Any) -> list[e.AnyEvent | Refused]:
        drafts = [
            ("room:one", Draft(e.to_json(wish), info=ClientInfo(user, "client")))
            for user, wish in wishes
        ]
        step = Chat().begin(connection, drafts)
        done: list[e.AnyEvent | Refused] = []
        for room, draft in drafts:
            try:
                taken = step.take(room, draft, self._top + 1, 1000)
            except Refused as refused:
                done.append(refused)
            else:
                self._top += 1
                done.append(e.event_of(taken.data))
        step.finish()
        return done


@pytest.fixture
async def log(tables: Watched) -> Log:
    log = Log(tables)
    made = e.Create(kind="private", name="One", members=["bob"])
    assert isinstance((await log.batch(("ann", made)))[0], e.Created)
    return log


def say(*files: Stored | str) -> e.Say:
    return e.Say("look", files=[file if isinstance(file, str) else file.id for file in files])


async def test_what_is_said_tells_what_it_has_and_is_its_rooms(log: Log, tables: Watched) -> None:
    one, two = await bring(tables), await bring(tables)
    (said,) = await log.batch(("ann", say(one, two)))
    assert isinstance(said, e.Message)
    assert said.files == [one.file, two.file]
    assert await tables.read(find_file, one.id) == one._replace(room="one")


async def test_only_ones_own_files_that_were_not_said_can_be_said(
    log: Log, tables: Watched
) -> None:
    own, let_go, theirs, said = [await bring(tables, user) for user in ("ann", "ann", "bob", "bob")]
    await tables.write(discard, "ann", let_go.id, 1)
    await log.batch(("bob", say(said)))
    for file in (theirs, said, let_go, new_id(), "", "'; --", "\0"):
        (refused,) = await log.batch(("ann", say(own, file)))
        assert isinstance(refused, Refused)
        assert refused.code == 404
    assert await tables.read(find_file, own.id) == own


async def test_a_file_is_said_once_in_a_batch_too(log: Log, tables: Watched) -> None:
    file = await bring(tables)
    first, second = await log.batch(("ann", say(file)), ("ann", say(file)))
    assert isinstance(first, e.Message)
    assert isinstance(second, Refused)


async def test_a_file_is_gone_when_its_message_is(log: Log, tables: Watched) -> None:
    file, stays = await bring(tables), await bring(tables)
    await log.batch(("ann", say(file)), ("ann", say(stays)))
    await log.batch(("ann", e.Delete(2)))
    assert await tables.read(gone, 10) == [file.id]
    assert await tables.read(find_file, file.id) is None
    assert await tables.read(find_file, stays.id) is not None


async def test_a_file_is_gone_when_its_message_is_said_and_deleted_in_one_batch(
    log: Log, tables: Watched
) -> None:
    file = await bring(tables)
    said, deleted = await log.batch(("ann", say(file)), ("ann", e.Delete(2)))
    assert (type(said), type(deleted)) == (e.Message, e.Deleted)
    assert await tables.read(gone, 10) == [file.id]


async def test_files_are_gone_when_their_messages_have_been_kept_for_long_enough(
    log: Log, tables: Watched
) -> None:
    files = [await bring(tables) for _ in range(3)]
    await log.batch(*(("ann", say(file)) for file in files))
    await log.batch(("", e.Expire(4)))
    assert set(await tables.read(gone, 10)) == {files[0].id, files[1].id}
