"""Who waits is told what happened meanwhile, and nothing is kept for who does not."""

import pytest

from hubbub.engine.meanwhile import Meanwhile


def test_who_waits_is_told_what_happened_to_its_subject_within_the_block() -> None:
    meanwhile: Meanwhile[int] = Meanwhile()
    meanwhile.tell("a", 1)
    with meanwhile.watching("a") as first:
        meanwhile.tell("a", 2)
        with meanwhile.watching("a") as second, meanwhile.watching("b") as other:
            meanwhile.tell("a", 3)
            meanwhile.tell("b", 4)
        meanwhile.tell("a", 5)
    meanwhile.tell("a", 6)
    assert (first, second, other) == ([2, 3, 5], [3], [4])
    assert len(meanwhile) == 0


def test_a_block_that_raises_leaves_nothing() -> None:
    meanwhile: Meanwhile[int] = Meanwhile()
    with pytest.raises(KeyError), meanwhile.watching("a"):
        raise KeyError
    assert len(meanwhile) == 0
