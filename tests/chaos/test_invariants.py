"""The checker finds whatever is not as promised, and nothing else."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import pytest
from tests.support.invariants import Baseline, Listener, Publisher, Report, Witness, converges

from hubbub.model import Position

EPOCH = "epoch"
START = Position(0, EPOCH)


class Case:
    """Ann has published three messages, of which Bob, who is there, heard all."""

    def __init__(self) -> None:
        self.witness = Witness()
        self.ann: Publisher = self.witness.publisher("ann")
        self.bob: Listener = self.witness.listener("bob", may={"a"})
        self.bob.reset("a", START)
        self.stored = [(number, {"id": f"m{number}"}) for number in (1, 2, 3)]
        for offset, data in self.stored:
            self.ann.sent("a", data["id"], data)
            self.ann.acknowledged("a", data["id"], offset, EPOCH)
            self.bob.heard("a", offset, data)

    def check(self, *, first: int = 1, top: int | None = None) -> Report:
        self.witness.history("a", EPOCH, self.stored, first=first, top=top)
        return self.witness.check()


def test_what_is_as_promised_is_found_to_be() -> None:
    report = Case().check().whole()
    assert str(report) == (
        "3 acknowledged, 0 refused, 0 unknown, 3 stored, 3 heard, 0 lost, 0 repeated"
    )


def forget_the_last(case: Case) -> None:
    case.stored.pop()


def forget_one_that_nobody_heard(case: Case) -> None:
    case.bob.events.pop()
    case.bob.cut()
    case.stored.pop()


def store_what_was_refused(case: Case) -> None:
    case.stored.append((4, {"id": "m4"}))
    case.bob.heard("a", 4, {"id": "m4"})
    case.ann.sent("a", "m4", {"id": "m4"})
    case.ann.refused("a", "m4")


def store_it_elsewhere(case: Case) -> None:
    case.ann.messages["a", "m3"].positions[:] = [Position(9, EPOCH)]


def change_the_order(case: Case) -> None:
    case.ann.messages["a", "m1"] = case.ann.messages.pop(("a", "m1"))


def store_one_twice(case: Case) -> None:
    case.stored.append((4, {"id": "m2"}))
    case.bob.heard("a", 4, {"id": "m2"})


def acknowledge_at_two_places(case: Case) -> None:
    case.ann.acknowledged("a", "m2", 3, EPOCH)


def leave_out_one(case: Case) -> None:
    del case.bob.events[2]


def repeat_one(case: Case) -> None:
    case.bob.events.insert(2, case.bob.events[2])


def turn_two_round(case: Case) -> None:
    events = case.bob.events
    events[1], events[2] = events[2], events[1]


def miss_the_end(case: Case) -> None:
    case.bob.events.pop()
    case.bob.positions["a"] = Position(2, EPOCH)


def have_a_hole_in_the_history(case: Case) -> None:
    del case.stored[1]


def hear_something_else(case: Case) -> None:
    case.witness.listener("eve").reset("a", Position(1, EPOCH))
    eve = case.witness.listeners[-1]
    eve.heard("a", 2, {"id": "m2", "other": True})
    eve.cut()


def hear_a_room_of_others(case: Case) -> None:
    case.bob.reset("b", START)


@pytest.mark.parametrize(
    ("violate", "invariant"),
    [
        (forget_the_last, "I1"),
        (forget_one_that_nobody_heard, "I1"),
        (store_what_was_refused, "I1"),
        (store_it_elsewhere, "I1"),
        (change_the_order, "I1"),
        (store_one_twice, "I2"),
        (acknowledge_at_two_places, "I2"),
        (leave_out_one, "I3"),
        (repeat_one, "I3"),
        (turn_two_round, "I3"),
        (miss_the_end, "I3"),
        (have_a_hole_in_the_history, "I3"),
        (hear_something_else, "I4"),
        (hear_a_room_of_others, "I5"),
    ],
)
def test_each_invariant_that_does_not_hold_is_found(
    violate: Callable[[Case], None], invariant: str
) -> None:
    case = Case()
    violate(case)
    report = case.check()
    assert invariant in report.broken(), report
    with pytest.raises(AssertionError, match=f"\n{invariant} "):
        report.whole()


def test_the_counts_tell_what_was_lost_and_what_repeated() -> None:
    case = Case()
    store_one_twice(case)
    case.stored[2] = (3, {"id": "other"})
    counts = case.check().counts
    assert (counts["lost"], counts["repeated"]) == (1, 1)


def test_who_was_told_begins_anew() -> None:
    case = Case()
    case.bob.lost("a")
    case.stored += [(4, {"id": "m4"}), (5, {"id": "m5"})]
    case.bob.subscribed("a", {"offset": 4, "epoch": EPOCH})
    case.bob.pushed({"channel": "a", "pub": {"offset": 5, "data": {"id": "m5"}}})
    case.check().whole()


def test_who_comes_back_has_to_go_on_where_it_was() -> None:
    for offsets in ([4, 5], [5]):
        case = Case()
        case.bob.cut()
        case.stored += [(4, {"id": "m4"}), (5, {"id": "m5"})]
        publications = [{"offset": n, "data": {"id": f"m{n}"}} for n in offsets]
        body = {"recovered": True, "offset": 3, "epoch": EPOCH, "publications": publications}
        case.bob.subscribed("a", body)
        assert case.check().broken() == (set() if offsets[0] == 4 else {"I3"})


def test_what_was_trimmed_on_purpose_is_not_missed() -> None:
    case = Case()
    del case.stored[:2]
    case.check(first=3).whole()
    case.stored.clear()
    case.check(first=4, top=3).whole()


def test_what_nobody_knows_may_be_stored_or_not() -> None:
    for stored in (True, False):
        case = Case()
        case.ann.sent("a", "m4", {"id": "m4"})
        if stored:
            case.stored.append((4, {"id": "m4"}))
            case.bob.heard("a", 4, {"id": "m4"})
        assert case.check().whole().counts["unknown"] == 1


def test_reports_of_several_rounds_add_up() -> None:
    both = Case().check() + Case().check()
    assert both.whole().counts["acknowledged"] == 6


async def test_what_never_converges_is_told_with_what_it_was() -> None:
    async def seen() -> set[str]:
        return {"ann"}

    await converges("presence", seen, {"ann"})
    with pytest.raises(AssertionError, match="I6 presence is .*ann.* and never became .*bob"):
        await converges("presence", seen, {"bob"}, deadline=0.01)


async def test_what_is_left_over_is_found() -> None:
    async with Baseline() as baseline:
        task = asyncio.ensure_future(asyncio.Event().wait())
        descriptor = os.open(os.devnull, os.O_RDONLY)
        left = baseline.left()
        assert len(left) == 2
        assert "Task" in left[0]
        assert left[1] == os.devnull
        task.cancel()
        os.close(descriptor)
