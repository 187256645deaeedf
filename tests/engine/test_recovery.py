"""The table of section 6.3 in every small world, the latest of 6.6, and the merge of 6.2."""

from collections.abc import Iterator, Sequence
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hubbub.engine.recovery import Recovery, merge, recover, recover_cache
from hubbub.model import Position, Publication

EPOCH, OTHER, ANY = "now", "then", ""


def pub(offset: int) -> Publication:
    return Publication(b"%d" % offset, offset)


def pubs(*offsets: int) -> list[Publication]:
    return [pub(offset) for offset in offsets]


def told_to_be_recovered(asked: Position, top: Position, available: Sequence[Publication]) -> bool:
    """The three rows of the table, from the top."""
    if asked.epoch and asked.epoch != top.epoch:
        return False
    if not available:
        return top.offset == asked.offset
    return available[0].offset == asked.offset + 1 and available[-1].offset == top.offset


def small_worlds() -> Iterator[tuple[Position, Position, list[Publication]]]:
    """Whatever is asked, kept and cut off, of a log of at most five."""
    for offset, epoch, top in product(range(6), (EPOCH, OTHER, ANY), range(6)):
        for oldest, limit in product(range(1, top + 2), range(1, 7)):
            after = [pub(n) for n in range(oldest, top + 1) if n > offset]
            yield Position(offset, epoch), Position(top, EPOCH), after[:limit]


def test_every_small_world_is_decided_as_the_table_says() -> None:
    outcomes = set()
    for asked, top, available in small_worlds():
        recovery = recover(asked, top, available)
        outcomes.add((recovery.recovered, bool(available), asked.epoch))
        assert recovery.recovered is told_to_be_recovered(asked, top, available)
        if recovery.recovered:
            assert recovery.position == Position(asked.offset, EPOCH)
            assert recovery.publications == available
        else:
            assert recovery.position == top
            assert recovery.publications == []
    told = {outcome[:2] for outcome in outcomes if outcome[2] == OTHER}
    assert told == {(False, True), (False, False)}
    assert len(outcomes) == 2 + 4 + 4


def test_every_small_world_leads_to_the_top_without_a_hole() -> None:
    for asked, top, available in small_worlds():
        recovery = recover(asked, top, available)
        offsets = [publication.offset for publication in recovery.publications]
        assert offsets == list(range(recovery.position.offset + 1, top.offset + 1))


@pytest.mark.parametrize(
    ("asked", "top", "available", "expected"),
    [
        ((3, EPOCH), 5, pubs(4, 5), Recovery(True, Position(3, EPOCH), pubs(4, 5))),
        ((5, EPOCH), 5, [], Recovery(True, Position(5, EPOCH), [])),
        ((0, EPOCH), 0, [], Recovery(True, Position(0, EPOCH), [])),
        ((3, EPOCH), 6, pubs(5, 6), Recovery(False, Position(6, EPOCH), [])),
        ((3, EPOCH), 6, pubs(4, 5), Recovery(False, Position(6, EPOCH), [])),
        ((3, EPOCH), 6, [], Recovery(False, Position(6, EPOCH), [])),
        ((7, EPOCH), 6, [], Recovery(False, Position(6, EPOCH), [])),
        ((5, OTHER), 5, [], Recovery(False, Position(5, EPOCH), [])),
        ((3, OTHER), 5, pubs(4, 5), Recovery(False, Position(5, EPOCH), [])),
        ((0, ANY), 2, pubs(1, 2), Recovery(True, Position(0, EPOCH), pubs(1, 2))),
        ((0, ANY), 2, pubs(2), Recovery(False, Position(2, EPOCH), [])),
        ((0, ANY), 0, [], Recovery(True, Position(0, EPOCH), [])),
    ],
    ids=[
        "what was missed is there",
        "nothing was missed",
        "nothing was ever published",
        "the first that was missed is gone",
        "more was missed than is given at once",
        "all that was missed is gone",
        "ahead of the log",
        "the same offset in another epoch",
        "what follows in another epoch",
        "everything from the start",
        "everything, but the start is gone",
        "everything of nothing",
    ],
)
def test_a_stream(
    asked: tuple[int, str], top: int, available: list[Publication], expected: Recovery
) -> None:
    assert recover(Position(*asked), Position(top, EPOCH), available) == expected


@pytest.mark.parametrize(
    "available",
    [pubs(2, 4), pubs(3, 4, 5), pubs(2, 3, 4, 5), pubs(2, 2, 4)],
    ids=["a hole", "a late start and more than its top", "more than its top", "one twice"],
)
def test_a_log_that_does_not_give_what_leads_to_its_top_recovers_nobody(
    available: list[Publication],
) -> None:
    recovery = recover(Position(1, EPOCH), Position(4, EPOCH), available)
    assert recovery == Recovery(False, Position(4, EPOCH), [])


def test_a_recovery_holds_no_list_of_the_logs() -> None:
    available = pubs(1)
    recovery = recover(Position(0, EPOCH), Position(1, EPOCH), available)
    assert recovery.publications is not available


# The latest. ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "top", "latest", "expected"),
    [
        (None, 0, None, Recovery(False, Position(0, EPOCH), [])),
        (None, 5, None, Recovery(False, Position(5, EPOCH), [])),
        (None, 5, pub(5), Recovery(True, Position(4, EPOCH), pubs(5))),
        (None, 5, pub(4), Recovery(False, Position(5, EPOCH), [])),
        ((5, EPOCH), 5, pub(5), Recovery(True, Position(5, EPOCH), [])),
        ((5, EPOCH), 5, None, Recovery(True, Position(5, EPOCH), [])),
        ((0, EPOCH), 0, None, Recovery(True, Position(0, EPOCH), [])),
        ((1, EPOCH), 5, pub(5), Recovery(True, Position(4, EPOCH), pubs(5))),
        ((1, EPOCH), 5, None, Recovery(False, Position(5, EPOCH), [])),
        ((1, EPOCH), 5, pub(4), Recovery(False, Position(5, EPOCH), [])),
        ((5, OTHER), 5, pub(5), Recovery(True, Position(4, EPOCH), pubs(5))),
        ((9, OTHER), 5, pub(5), Recovery(True, Position(4, EPOCH), pubs(5))),
        ((5, OTHER), 5, None, Recovery(False, Position(5, EPOCH), [])),
        ((5, ANY), 5, pub(5), Recovery(True, Position(4, EPOCH), pubs(5))),
        ((0, ANY), 0, None, Recovery(False, Position(0, EPOCH), [])),
        ((0, ANY), 1, pub(1), Recovery(True, Position(0, EPOCH), pubs(1))),
    ],
    ids=[
        "a newcomer to nothing",
        "a newcomer, the latest is gone",
        "a newcomer",
        "a newcomer, one before the latest is left",
        "who has the latest",
        "who has the latest, which is gone",
        "who has seen nothing, and there is nothing",
        "who missed several gets one",
        "who missed it, and it is gone",
        "who missed it, and one before it is left",
        "the offset of another epoch",
        "an offset of another epoch, ahead of this log",
        "the offset of another epoch, the latest is gone",
        "the offset of an epoch unsaid",
        "the offset of an epoch unsaid, and there is nothing",
        "the first",
    ],
)
def test_the_latest(
    asked: tuple[int, str] | None, top: int, latest: Publication | None, expected: Recovery
) -> None:
    position = None if asked is None else Position(*asked)
    assert recover_cache(position, Position(top, EPOCH), latest) == expected


def test_the_latest_in_every_small_world_is_as_the_section_says() -> None:
    asks = [None, *(Position(n, epoch) for n in range(6) for epoch in (EPOCH, OTHER, ANY))]
    for asked, offset in product(asks, range(6)):
        top = Position(offset, EPOCH)
        for latest in (None, *pubs(*range(1, offset + 1))):
            recovery = recover_cache(asked, top, latest)
            has_it = asked == top
            is_there = latest is not None and latest.offset == offset
            assert recovery.recovered is (has_it or is_there)
            assert recovery.publications == ([latest] if is_there and not has_it else [])
            # The position and what comes with it lead to the top, so nothing is claimed unseen.
            assert recovery.position == Position(offset - len(recovery.publications), EPOCH)


# The merge. ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("publications", "buffered", "after", "expected"),
    [
        ([], [], 0, []),
        ([], [], 7, []),
        ([4, 5], [], 3, [4, 5]),
        ([], [4, 5], 3, [4, 5]),
        ([4, 5], [6], 3, [4, 5, 6]),
        ([4, 5], [5, 6], 3, [4, 5, 6]),
        ([4, 5], [4, 5], 3, [4, 5]),
        ([], [4, 5, 6], 5, [6]),
        ([], [4, 5], 5, []),
        ([], [7, 6], 5, [6, 7]),
        ([4, 5], [7], 3, None),
        ([], [7], 5, None),
        ([5], [6], 3, None),
        ([4, 6], [], 3, None),
    ],
    ids=[
        "nothing",
        "nothing, later",
        "only the log",
        "only what arrived",
        "one after the other",
        "both have one",
        "both have all",
        "some arrived that the client has",
        "all that arrived the client has",
        "what arrived out of order",
        "a hole between the two",
        "a hole before what arrived",
        "a hole before the log",
        "a hole in the log",
    ],
)
def test_a_merge(
    publications: list[int], buffered: list[int], after: int, expected: list[int] | None
) -> None:
    merged = merge(pubs(*publications), pubs(*buffered), after)
    assert merged == (None if expected is None else pubs(*expected))


def loose(name: bytes) -> Publication:
    return Publication(name)


A, B, C = loose(b"a"), loose(b"b"), loose(b"c")


@pytest.mark.parametrize(
    ("publications", "buffered", "after", "expected"),
    [
        ([], [A, B], 5, [A, B]),
        (pubs(4, 5), [A, B], 3, [*pubs(4, 5), A, B]),
        (pubs(4, 5), [A, pub(6), B], 3, [*pubs(4, 5), A, pub(6), B]),
        (pubs(4, 5), [A, pub(5), B], 3, [pub(4), A, pub(5), B]),
        ([], [pub(5), A, pub(6), B, C], 5, [A, pub(6), B, C]),
        ([], [A, pub(7), B, pub(6), C], 5, [A, *pubs(6, 7), B, C]),
        ([], [A, pub(6), B, pub(6), pub(3), C, pub(7)], 5, [A, pub(6), B, C, pub(7)]),
        (pubs(6, 7), [A, pub(4), pub(8)], 5, [*pubs(6, 7), A, pub(8)]),
    ],
    ids=[
        "alone",
        "after a log that nothing follows",
        "where they arrived, behind the log",
        "where they arrived, within the log",
        "what came before them the client has",
        "in the order they arrived, among others that did not come in theirs",
        "among others that came twice",
        "before one that the client has long had",
    ],
)
def test_what_is_past_the_history_stays(
    publications: list[Publication],
    buffered: list[Publication],
    after: int,
    expected: list[Publication],
) -> None:
    assert merge(publications, buffered, after) == expected


def test_what_is_past_the_history_does_not_fill_a_hole() -> None:
    assert merge(pubs(4), [A, pub(6)], 3) is None


OFFSETS = st.lists(st.integers(0, 12), max_size=14)


@given(st.lists(st.integers(1, 12), max_size=14), OFFSETS, st.integers(0, 12))
@example([], [2**64 - 1], 0)
@example([], [2**64 - 1], 2**64 - 2)
def test_a_merge_of_anything_is_without_a_hole_or_none(
    publications: list[int], buffered: list[int], after: int
) -> None:
    log = pubs(*publications)
    arrived = [Publication(b"%d" % at, offset) for at, offset in enumerate(buffered)]
    merged = merge(log, arrived, after)
    wanted = sorted({offset for offset in publications + buffered if offset > after})
    if any(offset != after + at for at, offset in enumerate(wanted, 1)):
        assert merged is None
        return
    assert merged is not None
    assert [one.offset for one in merged if one.offset] == wanted
    unlogged = [one.data for one in merged if not one.offset]
    assert unlogged == [one.data for one in arrived if not one.offset]


@given(
    st.lists(st.booleans(), max_size=14),
    st.integers(0, 14),
    st.integers(0, 14),
    st.integers(0, 14),
)
def test_who_comes_back_sees_what_who_was_there_saw(
    logged: list[bool], asked: int, attached: int, read: int
) -> None:
    """Publications in the order they happen, one put into the room amid them, then the read."""
    happened: list[Publication] = []
    top = 0
    for at, into_log in enumerate(logged):
        top += into_log
        happened.append(Publication(b"%d" % at, top if into_log else 0))
    attached, read = sorted((min(attached, len(happened)), min(read, len(happened))))
    asked = min(asked, sum(logged[:attached]))  # nobody asks for more than there was
    log = [one for one in happened[:read] if one.offset > asked]

    expected = [
        one
        for at, one in enumerate(happened)
        if one.offset > asked or (not one.offset and at >= attached)
    ]
    assert merge(log, happened[attached:], asked) == expected
