"""Waits between attempts, on a scripted clock."""

from hypothesis import given
from hypothesis import strategies as st

from stream_processor.receiving.retry import STEADY_SECONDS, Pauses


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def new(most_seconds: float = 8.0, chance: float = 0.5) -> tuple[Pauses, Clock]:
    clock = Clock()
    return Pauses(most_seconds, clock, lambda: chance), clock


def holds(pauses: Pauses, clock: Clock, seconds: float) -> float:
    """The stream is there for so long, and lost."""
    pauses.begin()
    clock.now += seconds
    return pauses.lost()


def test_the_first_loss_costs_no_wait_and_those_that_follow_soon_cost_more_each_time() -> None:
    pauses, clock = new()
    assert [holds(pauses, clock, 1.0) for _ in range(7)] == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


def test_refusals_and_short_returns_are_one_series() -> None:
    pauses, clock = new()
    assert holds(pauses, clock, 100.0) == 0.0
    assert [pauses.refused(), pauses.refused()] == [0.5, 1.0]
    assert holds(pauses, clock, 1.0) == 2.0
    assert pauses.refused() == 4.0


def test_a_stream_that_held_for_long_begins_anew() -> None:
    pauses, clock = new()
    for _ in range(5):
        holds(pauses, clock, 1.0)
    assert holds(pauses, clock, STEADY_SECONDS) == 0.0
    assert holds(pauses, clock, 1.0) == 0.5


def test_chance_spreads_the_waits_from_half_to_half_as_much_again() -> None:
    def first(chance: float) -> float:
        return new(chance=chance)[0].refused()

    assert [first(0.0), first(0.25), first(1.0)] == [0.25, 0.375, 0.75]


@given(chance=st.floats(0.0, 1.0), most=st.floats(0.01, 1e5), attempts=st.integers(1, 2000))
def test_a_wait_is_never_longer_than_half_as_much_again_as_the_longest_and_never_overflows(
    chance: float, most: float, attempts: int
) -> None:
    pauses, _ = new(most, chance)
    waits = [pauses.refused() for _ in range(attempts)]
    assert max(waits) <= 1.5 * most
    assert min(waits) > 0.0
    assert waits == sorted(waits)
