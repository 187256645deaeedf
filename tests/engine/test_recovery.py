"""The table of section 6.3 in every small world, and the latest of 6.6."""

from collections.abc import Iterator, Sequence
from itertools import product

import pytest

from hubbub.engine.recovery import Recovery, recover, recover_cache
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
