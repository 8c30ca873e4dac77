"""What the memory benchmark makes of what it measured."""

import pytest

from benchmarks.memory import FULL_SECONDS, Moment, second_half, slope_mb_per_hour, thinned


def line(seconds: int, mb_per_hour: float) -> list[Moment]:
    """Memory that grows evenly from 200 MB, a look every ten seconds of stream."""
    return [Moment(at, 200 + mb_per_hour * at / 3600, 60.0) for at in range(0, seconds, 10)]


@pytest.mark.parametrize("slope", [0.0, 3.0, -1.5])
def test_the_slope_is_per_hour_of_stream(slope: float) -> None:
    assert slope_mb_per_hour(line(7200, slope)) == pytest.approx(slope, abs=1e-6)


def test_only_the_second_half_counts() -> None:
    #  MB  200 ──▶ 400 while the ring fills, flat from then on
    filling = [Moment(at, 200 + at, 60.0) for at in range(0, 200, 10)]
    flat = [Moment(at, 400.0, 60.0) for at in range(200, 1000, 10)]
    assert slope_mb_per_hour(second_half(filling + flat)) == pytest.approx(0.0, abs=1e-6)


def test_a_run_too_short_for_a_full_ring_has_no_slope() -> None:
    assert second_half(line(int(FULL_SECONDS), 1.0)) == []
    assert slope_mb_per_hour(second_half([])) is None


def test_a_stream_that_stands_still_has_no_slope() -> None:
    assert slope_mb_per_hour([Moment(5.0, 200.0, 60.0)] * 10) is None


def test_thinning_keeps_the_first_and_about_as_many_as_asked() -> None:
    moments = line(10_000, 1.0)
    assert thinned(moments, 100)[0] == moments[0]
    assert 100 <= len(thinned(moments, 100)) <= 110
    assert thinned(moments[:5], 100) == moments[:5]
