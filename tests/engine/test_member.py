import asyncio
import threading

import pytest
from tests.engine.conftest import Enter

from hubbub.engine.member import TextDoor
from hubbub.model import TEXT_ONLY, Disconnect
from hubbub.testing import settle
from hubbub.wire.frames import unframe


async def test_iterating_gives_what_the_client_sends_and_ends_when_it_is_gone(
    enter: Enter,
) -> None:
    ann, _ = enter()
    ann.received(["1", b"2"])

    async def listen() -> list[str | bytes]:
        return [message async for message in ann]

    task = asyncio.create_task(listen())
    await settle()
    ann.received(["3"])
    ann.lost(Disconnect(1006, ""))
    assert await task == ["1", b"2", "3"]


async def test_iterating_a_member_that_is_gone_ends_at_once(enter: Enter) -> None:
    ann, _ = enter()
    ann.lost(Disconnect(1006, ""))
    assert [message async for message in ann] == []


async def test_what_was_not_read_can_be_taken(enter: Enter) -> None:
    ann, _ = enter()
    assert ann.take_unread() == []
    ann.received(["1"])
    assert ann.take_unread() == ["1"]


async def test_sending_to_a_member_that_is_gone_does_nothing(enter: Enter) -> None:
    ann, anns = enter(user="ann")
    assert "here" in repr(ann)
    ann.lost(Disconnect(1006, ""))
    ann.send("hello?")
    ann.close()
    assert anns.take() == b""
    assert anns.closed is None
    assert repr(ann) == "<Member of 'a', user 'ann', gone>"


async def test_a_value_that_cannot_be_sent_is_the_callers_error(enter: Enter) -> None:
    ann, _ = enter()
    with pytest.raises(TypeError, match="cannot be sent"):
        ann.send(object())


async def test_a_thread_can_send_and_close(enter: Enter) -> None:
    ann, anns = enter()

    def elsewhere() -> None:
        ann.send("from a thread")
        ann.close(4000)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    await asyncio.to_thread(thread.join)
    await settle()
    assert unframe(anns.take()) == ["from a thread"]
    assert anns.closed == Disconnect(4000, "")


async def test_the_text_door_says_to_the_room_what_its_client_says(enter: Enter) -> None:
    door, doors = enter("lobby", kind=TextDoor)
    _, bobs = enter("lobby")
    door.received(["hi", "é"])
    await settle()
    assert unframe(doors.take()) == ["Room lobby: hi", "Room lobby: é"]
    assert unframe(bobs.take()) == ["Room lobby: hi", "Room lobby: é"]


async def test_the_text_door_takes_no_binary(enter: Enter) -> None:
    door, doors = enter("lobby", kind=TextDoor)
    door.received(["before", b"\0", "after"])
    assert doors.closed == TEXT_ONLY
    assert unframe(doors.take()) == ["Room lobby: before"]
    door.received(["ignored"])
