"""What the growth benchmark makes of what channels said of themselves."""

import pytest

from benchmarks.growth import Look, Step, summed_up
from benchmarks.paired import ChildFailedError

BEGUN, WALL = 100.0, 30.0


def channel(*, lag: float = 1.0, lag_growth: float = 0.0, drops_a_second: int = 0) -> list[Look]:
    """A look every ten seconds from 80 on; measured is from 100 to 130."""
    return [
        Look(float(at), at - 80 - lag_growth * (at - 80), lag + lag_growth * (at - 80), drops_a_second * (at - 80))
        for at in range(80, 150, 10)
    ]


def step(*channels: list[Look]) -> Step:
    return summed_up(channels, BEGUN, WALL, cpu=15.0, rss_mb=200.0)


def test_channels_at_a_steady_lag_keep_up() -> None:
    found = step(channel(), channel(lag=3.0))
    assert found.keeps_up
    assert found.channels == 2
    assert found.lag_seconds == [1.0, 3.0]
    assert found.speeds == [1.0, 1.0]


def test_one_channel_that_drops_is_enough_to_say_no() -> None:
    found = step(channel(), channel(drops_a_second=2))
    assert not found.keeps_up
    assert found.dropped == [0, 60]  # what was dropped before is not counted


def test_a_growing_lag_is_no_keeping_up_even_before_anything_is_dropped() -> None:
    found = step(channel(lag_growth=0.05))
    assert not found.keeps_up
    assert found.lag_growth == pytest.approx([0.05])
    assert found.speeds == pytest.approx([0.95])


def test_a_channel_that_fell_silent_is_an_error() -> None:
    with pytest.raises(ChildFailedError, match="said nothing"):
        step(channel(), channel()[:2])
