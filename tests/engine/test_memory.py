"""What rooms in memory remember is kept as long as they say, by the node's clock."""

from hubbub.engine.memory import SWEEP_S, Memory
from hubbub.engine.rules import Rule
from hubbub.model import Draft
from hubbub.options import RoomOptions
from hubbub.settings import Settings
from hubbub.testing import FakeClock

RULE = Rule(RoomOptions(history_size=2, history_ttl=10.0))


def remembering(clock: FakeClock, **live: object) -> Memory:
    memory = Memory(Settings(history_meta_ttl=100.0), live)
    memory.bind(clock)
    return memory


def say(memory: Memory, room: str, text: bytes) -> object:
    return memory.publish(room, Draft(text), memory.keep(room, RULE), None)


def kept(memory: Memory, room: str) -> list[bytes]:
    return [one.data for one in memory.look(room, RULE).after(0, 10)]


async def test_the_last_of_a_room_is_kept_until_its_time_is_over() -> None:
    clock = FakeClock()
    memory = remembering(clock)
    assert kept(memory, "a") == []
    for text in (b"1", b"2", b"3"):
        say(memory, "a", text)
    assert kept(memory, "a") == [b"2", b"3"]
    await clock.advance(9)
    assert kept(memory, "a") == [b"2", b"3"]
    await clock.advance(1)
    assert kept(memory, "a") == []
    assert memory.look("a", RULE).offset == 3


async def test_positions_are_forgotten_where_nobody_is_and_nothing_is_left_to_do() -> None:
    clock = FakeClock()
    memory = remembering(clock, b=True)
    for room in ("a", "b"):
        say(memory, room, b"1")
    await clock.advance(100 + 2 * SWEEP_S)
    assert [memory.streams.get(room) is None for room in ("a", "b")] == [True, False]
    memory.streams.drop("b")
    await clock.advance(2 * SWEEP_S)
    assert memory.sweeping is None
    say(memory, "c", b"1")
    assert memory.sweeping is not None
    memory.stop()
    assert memory.sweeping is None


async def test_a_room_without_a_rule_or_a_history_keeps_nothing() -> None:
    memory = remembering(FakeClock())
    assert memory.keep("a", None) is memory.keep("a", Rule(RoomOptions())) is None
    assert memory.publish("a", Draft(b"1"), None, None) is None
    assert memory.sweeping is None
