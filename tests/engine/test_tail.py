"""A tail is what came last, without a hole, within its bounds."""

import random

from hypothesis import given
from hypothesis import strategies as st

from hubbub.engine.tail import OVERHEAD, Tail
from hubbub.model import Position, Publication


def pubs(first: int, last: int, size: int = 1) -> list[Publication]:
    return [Publication(b"x" * size, offset) for offset in range(first, last + 1)]


def held(tail: Tail) -> list[int]:
    return [one.offset for one in tail.after(0, 10_000)]


def test_it_begins_empty_at_its_position() -> None:
    tail = Tail(Position(7, "e"), 10, 10_000)
    assert (tail.position, tail.bottom, held(tail)) == (Position(7, "e"), 7, [])
    assert tail.latest is None


def test_what_is_kept_is_the_last_of_it_in_number_and_in_bytes() -> None:
    tail = Tail(Position(7, "e"), 3, 3 * (OVERHEAD + 100))
    tail.keep(pubs(8, 9))
    tail.keep(pubs(10, 11))
    assert (held(tail), tail.bottom, tail.offset) == ([9, 10, 11], 8, 11)
    tail.keep(pubs(12, 12, 2 * OVERHEAD + 150))
    assert held(tail) == [12]
    tail.keep(pubs(13, 20))
    assert held(tail) == [18, 19, 20]
    assert tail.room_for == (0, 3 * (OVERHEAD + 100) - 3 * (OVERHEAD + 1))


def test_what_was_missed_is_put_before_it_as_far_as_there_is_room() -> None:
    tail = Tail(Position(7, "e"), 5, 10_000)
    tail.prepend(reversed(pubs(6, 7)))
    tail.keep(pubs(8, 8))
    assert held(tail) == [6, 7, 8]
    tail.prepend(reversed(pubs(1, 4)))
    assert held(tail) == [6, 7, 8], "there is a hole between"
    tail.prepend(reversed(pubs(1, 5)))
    assert held(tail) == [4, 5, 6, 7, 8]
    small = Tail(Position(7, "e"), 5, 2 * (OVERHEAD + 1))
    small.prepend(reversed(pubs(1, 7)))
    assert held(small) == [6, 7]


def test_what_the_log_has_no_more_is_dropped() -> None:
    tail = Tail(Position(0, "e"), 5, 10_000)
    tail.keep(pubs(1, 4))
    tail.drop_below(3)
    assert (held(tail), tail.bottom) == ([3, 4], 2)
    tail.drop_below(9)
    assert (held(tail), tail.position) == ([], Position(4, "e"))
    assert tail.room_for == (5, 10_000)
    tail.keep(pubs(5, 5))
    tail.clear()
    assert (held(tail), tail.room_for) == ([], (5, 10_000))


def test_what_is_erased_is_replaced_where_it_is_held_in_every_encoding() -> None:
    tail = Tail(Position(4, "e"), 10, 10_000)
    tail.keep(pubs(5, 7, 100))
    for one in tail.after(0, 10):
        one.json = b"as it was"
    tail.erase({4: b"no", 6: b"erased", 8: b"no"})
    assert [(one.data, one.json) for one in tail.after(0, 10)] == [
        (b"x" * 100, b"as it was"),
        (b"erased", b""),
        (b"x" * 100, b"as it was"),
    ]
    assert tail.room_for == (7, 10_000 - 206 - 3 * OVERHEAD)


@given(st.integers(1, 6), st.integers(300, 3_000), st.randoms())
def test_whatever_happens_it_has_no_hole_and_counts_its_bytes(
    most: int, size: int, rng: random.Random
) -> None:
    tail, log = Tail(Position(20, "e"), most, size), dict[int, Publication]()
    for offset in range(1, 21):
        log[offset] = Publication(b"x" * rng.randrange(400), offset)
    for _ in range(30):
        if rng.random() < 0.6:
            count = rng.randint(1, 4)
            new = [
                Publication(b"x" * rng.randrange(400), tail.offset + 1 + i) for i in range(count)
            ]
            log.update({one.offset: one for one in new})
            tail.keep(new)
        elif rng.random() < 0.3:
            erased = {rng.randint(1, tail.offset + 2): b"x" * rng.randrange(9) for _ in range(3)}
            for offset in erased.keys() & log.keys():
                log[offset] = Publication(erased[offset], offset)
            tail.erase(erased)
            assert [one.data for one in tail.after(0, 100)] == [
                log[offset].data for offset in held(tail)
            ]
        else:
            begin = max(0, tail.bottom - rng.randint(0, 3))
            tail.prepend([log[offset] for offset in range(tail.bottom, begin, -1)])
        assert held(tail) == list(range(tail.bottom + 1, tail.offset + 1))
        assert len(held(tail)) <= most
        used = sum(len(one.data) + OVERHEAD for one in tail.after(0, 100))
        assert tail.room_for == (most - len(held(tail)), max(0, size - used))
