"""What a room remembers: protocol.md sections 6.1 and 7.5."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.engine import stream as module
from hubbub.engine.stream import Stream, Streams, new_epoch
from hubbub.model import Position, Publication


def filled(published: int, size: int = 10, ttl: float = 60.0) -> Stream:
    stream = Stream("epoch", size, ttl, 0.0)
    for number in range(1, published + 1):
        stream.append(Publication(str(number).encode()), 0.0)
    return stream


def offsets(publications: list[Publication]) -> list[int]:
    assert [one.data for one in publications] == [str(one.offset).encode() for one in publications]
    return [one.offset for one in publications]


def test_offsets_begin_at_one_and_rise_by_one() -> None:
    stream = filled(0)
    assert stream.position == Position(0, "epoch")
    assert stream.latest is None
    for number in range(1, 4):
        publication = Publication(b"1")
        stream.append(publication, 0.0)
        assert publication.offset == stream.offset == number
        assert stream.latest is publication
    assert stream.position == Position(3, "epoch")


@given(
    st.integers(0, 30),
    st.integers(1, 12),
    st.integers(0, 40),
    st.integers(0, 15),
    st.sampled_from([None, 0, 3]),
)
def test_a_page_is_what_a_list_of_all_of_it_would_give(
    published: int, size: int, since: int, limit: int, dropped: int | None
) -> None:
    stream = filled(published, size)
    kept = list(range(1, published + 1))[-size:]
    if dropped is not None:
        stream.clear()
        kept = list(range(published + 1, published + dropped + 1))[-size:]
        for number in range(published + 1, published + dropped + 1):
            stream.append(Publication(str(number).encode()), 0.0)
    forward = [one for one in kept if one > since][:limit]
    back = [one for one in reversed(kept) if one < since][:limit]
    assert offsets(stream.after(since, limit)) == forward
    assert offsets(stream.before(since, limit)) == back
    position = Position(since, "epoch")
    assert offsets(stream.page(position, limit, False).publications) == forward
    assert offsets(stream.page(position, limit, True).publications) == back
    assert offsets(stream.page(None, limit, False).publications) == kept[:limit]
    assert offsets(stream.page(None, limit, True).publications) == kept[::-1][:limit]


@pytest.mark.parametrize("offset", [2**53, 2**63 - 1, 2**64 - 1, 10**30])
def test_there_is_nothing_after_an_offset_that_is_never_reached(offset: int) -> None:
    stream = filled(3)
    assert offsets(stream.before(offset, 9)) == [3, 2, 1]
    assert stream.after(offset, 9) == []


def test_what_is_kept_is_dropped_so_long_after_the_last_of_it_and_the_position_stays() -> None:
    stream = Stream("epoch", 10, 60.0, 0.0)
    stream.append(Publication(b"1"), 0.0)
    stream.append(Publication(b"2"), 59.0)
    stream.expire(118.0)
    assert offsets(stream.after(0, 9)) == [1, 2]
    stream.expire(119.0)
    assert stream.after(0, 9) == []
    assert stream.latest is None
    assert stream.position == Position(2, "epoch")


def test_what_comes_after_a_long_pause_does_not_bring_the_old_back() -> None:
    stream = Stream("epoch", 10, 60.0, 0.0)
    stream.append(Publication(b"1"), 0.0)
    stream.append(Publication(b"2"), 60.0)
    assert offsets(stream.after(0, 9)) == [2]


def test_a_version_is_newer_than_the_last_one_of_its_epoch() -> None:
    stream = filled(0)
    asked = [("", 1), ("", 1), ("", 3), ("", 2), ("x", 1), ("x", 1), ("", 1)]
    assert [stream.renew(*one) for one in asked] == [True, False, True, False, True, False, True]


def test_an_epoch_is_eight_letters_and_another_one_each_time() -> None:
    epochs = {new_epoch() for _ in range(100)}
    assert len(epochs) == 100
    assert all(len(epoch) == 8 and epoch.isalpha() and epoch.isascii() for epoch in epochs)


# All of a node's. ----------------------------------------------------------------------------


def test_looking_at_a_stream_keeps_nothing_and_it_has_the_epoch_it_will_have() -> None:
    streams = Streams(100.0)
    seen = streams.begin(10, 60.0, 0.0)
    assert len(streams) == 0
    assert streams.open("a", 10, 60.0, 0.0).position == seen.position
    assert streams.get("a") is streams.open("a", 99, 1.0, 5.0)
    assert streams.get("b") is None


def test_a_stream_without_a_past_goes_with_its_room_and_one_with_a_past_stays() -> None:
    streams = Streams(100.0)
    before = streams.open("a", 10, 60.0, 0.0).position
    streams.close("a")
    streams.close("never there")
    assert len(streams) == 0
    assert streams.open("a", 10, 60.0, 0.0).position == before
    streams.open("a", 10, 60.0, 0.0).append(Publication(b"1"), 0.0)
    streams.close("a")
    assert len(streams) == 1


def test_an_old_position_fits_no_stream_that_is_made_after_it_was_forgotten() -> None:
    streams = Streams(100.0)
    stream = streams.open("a", 10, 60.0, 0.0)
    stream.append(Publication(b"1"), 0.0)
    old = stream.position
    streams.drop("a")
    streams.drop("a")
    again = streams.open("a", 10, 60.0, 0.0)
    again.append(Publication(b"2"), 0.0)
    assert again.offset == old.offset
    assert again.epoch != old.epoch


def test_a_sweep_drops_what_is_old_and_positions_only_of_rooms_without_anyone() -> None:
    streams = Streams(100.0)
    for room in "abc":
        streams.open(room, 10, 60.0, 0.0).append(Publication(b"1"), 50.0 if room == "c" else 0.0)
    streams.sweep(59.0, {"a"})
    assert [len(streams.open(room, 1, 1, 0).after(0, 9)) for room in "abc"] == [1, 1, 1]
    streams.sweep(61.0, {"a"})  # begins anew
    assert [len(streams.open(room, 1, 1, 0).after(0, 9)) for room in "abc"] == [0, 0, 1]
    streams.sweep(100.0, {"a"})
    assert streams.get("a") is not None and streams.get("b") is None
    assert streams.get("c") is not None
    streams.sweep(150.0, set())
    assert len(streams) == 0


def test_a_sweep_looks_at_so_many_at_once_and_comes_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SWEEP_SLICE", 10)
    streams = Streams(100.0)
    for number in range(25):
        streams.open(str(number), 10, 60.0, 0.0).append(Publication(b"1"), 0.0)
    left = []
    for _ in range(4):
        streams.sweep(100.0, set())
        left.append(len(streams))
    assert left[:3] == [15, 5, 0]
