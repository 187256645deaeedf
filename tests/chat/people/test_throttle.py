"""So many tries, and then one now and then."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.chat.people.limits import NAME_BURST, PLACE_BURST, PLACE_S, Limits
from hubbub.chat.people.throttle import Throttle, network
from hubbub.chat.problem import Problem


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_burst_and_then_one_at_a_time() -> None:
    clock = Clock()
    throttle = Throttle(3, 10.0, clock)
    assert [throttle.take("a") for _ in range(3)] == [0, 0, 0]
    assert throttle.take("a") == pytest.approx(10)
    assert throttle.take("b") == 0
    clock.now += 4
    assert throttle.take("a") == pytest.approx(6)
    clock.now += 6
    assert throttle.take("a") == 0
    assert throttle.take("a") == pytest.approx(10)


def test_what_is_given_back_was_not_taken() -> None:
    throttle = Throttle(1, 10.0, Clock())
    for _ in range(5):
        assert throttle.take("a") == 0
        throttle.give_back("a")
    throttle.give_back("never seen")
    assert throttle.take("a") == 0
    assert throttle.take("a") > 0


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from("abc")), max_size=60))
def test_never_more_than_the_burst_and_what_has_passed(steps: list[tuple[float, str]]) -> None:
    clock, taken = Clock(), {"a": 0, "b": 0, "c": 0}
    throttle = Throttle(4, 7.0, clock)
    for passed, key in steps:
        clock.now += passed
        wait = throttle.take(key)
        if not wait:
            taken[key] += 1
        else:
            assert wait <= 7.0 + 1e-6
        assert taken[key] <= 4 + clock.now / 7.0 + 1e-6


def test_memory_is_bounded_and_what_is_full_again_is_forgotten() -> None:
    clock = Clock()
    throttle = Throttle(2, 10.0, clock, most=100)
    for number in range(10_000):
        throttle.take(str(number))
    assert len(throttle) == 100
    clock.now += 10
    throttle.take("one")
    assert len(throttle) == 1


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_what_counts_as_one_place(address: str, place: str) -> None:
    assert network(address) == place


def guess(limits: Limits, place: str, name: str, status: int = 401) -> int:
    """The status of a guess that is wrong, if it comes that far."""
    try:
        with limits.guess(place, name):
            raise Problem(status, "wrong")
    except Problem as problem:
        return problem.status


def test_one_place_comes_to_its_limit_before_a_name_does() -> None:
    clock = Clock()
    limits = Limits(clock)
    # An hour of guesses, ten a second, about one name, from one place.
    let = 0
    for _ in range(36_000):
        let += guess(limits, "203.0.113.7", "ann") == 401
        clock.now += 0.1
    assert let <= PLACE_BURST + 3600 / PLACE_S + 1
    assert guess(limits, "198.51.100.1", "ann") == 401


def test_many_places_come_to_the_limit_of_the_name_and_other_names_do_not() -> None:
    limits = Limits(Clock())
    told = [guess(limits, f"203.0.113.{number}", "ann") for number in range(200)]
    assert told.count(401) == NAME_BURST
    # What the name turned away is not held against the place.
    assert [guess(limits, "198.51.100.1", "ann") for _ in range(20)] == [429] * 20
    assert guess(limits, "198.51.100.1", "bob") == 401


@pytest.mark.parametrize("status", [409, 422, 503])
def test_what_was_no_guess_is_not_counted(status: int) -> None:
    limits = Limits(Clock())
    for _ in range(100):
        assert guess(limits, "203.0.113.7", "ann", status) == status
        with limits.guess("203.0.113.7", "ann"):
            pass
