"""Which earlier frame a frame is compared with, drawn as time lines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.delta import MAX_KEPT, Recent, deltas


def at_angle(degrees: float) -> np.ndarray:
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])


def compared(times: list[float]) -> dict[float, float]:
    """Frame time -> time of the frame that it was compared with: each frame's vector says which one it is."""
    vectors = [at_angle(seconds * 10) for seconds in times]
    samples = deltas(Recent(), times, vectors)
    angles = np.degrees(np.arccos(1 - samples.values)) / 10
    return {round(now, 3): round(now - back, 3) for now, back in zip(samples.times.tolist(), angles.tolist(), strict=True)}


def test_the_same_picture_is_0_and_an_unrelated_one_is_1() -> None:
    samples = deltas(Recent(), [0.0, 1.0, 2.0], [at_angle(0), at_angle(0), at_angle(90)])
    assert samples.times.tolist() == [1.0, 2.0]
    assert samples.values == pytest.approx([0, 1])


def test_a_frame_is_compared_with_the_one_a_second_before_it() -> None:
    #  0   .25   .5   .75   1   1.25
    #  ├────────────────────┘     │
    #       └───────────────────-─┘
    assert compared([0, 0.25, 0.5, 0.75, 1, 1.25]) == {0.75: 0, 1: 0, 1.25: 0.25}


def test_of_uneven_frames_the_nearest_is_taken() -> None:
    #  0        .7  .9            1.8      frames; 1.8 looks for .8, between .7 and .9: the older
    assert compared([0, 0.7, 0.9, 1.8]) == {0.7: 0, 0.9: 0, 1.8: 0.7}


def test_after_a_hole_there_is_nothing_to_compare_with() -> None:
    #  0    1             4    5
    assert compared([0, 1, 4, 5]) == {1: 0, 5: 4}


def test_frames_every_half_second_or_slower_than_every_second_and_a_half_find_none_out_of_tolerance() -> None:
    assert compared([0, 0.5, 1]) == {1: 0}
    assert compared([0, 1.5, 3]) == {}


@given(st.lists(st.floats(0.001, 3), max_size=300))
def test_what_is_remembered_stays_bounded_and_no_older_than_it_can_be_used(steps: list[float]) -> None:
    recent = Recent()
    times = np.cumsum(steps).tolist()
    deltas(recent, times, [at_angle(0)] * len(times))
    assert len(recent.seen) <= MAX_KEPT
    assert all(times[-1] - seen.seconds <= 1.5 for seen in recent.seen)


@given(st.lists(st.floats(0.01, 0.6), max_size=60), st.integers(0, 60))
def test_it_does_not_matter_in_how_many_calls_the_frames_come(steps: list[float], cut: int) -> None:
    times = np.cumsum(steps).tolist()
    vectors = [at_angle(37 * number) for number in range(len(times))]
    whole, recent = deltas(Recent(), times, vectors), Recent()
    parts = [deltas(recent, times[part], vectors[part]) for part in (slice(0, cut), slice(cut, None))]
    assert np.concatenate([part.times for part in parts]).tolist() == whole.times.tolist()
    assert np.concatenate([part.values for part in parts]).tolist() == whole.values.tolist()
