"""Peaks, and those that stand apart: by laws."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.best.maxima import best_first, local_maxima, separated

curves = st.lists(st.integers(0, 5), max_size=40).map(lambda values: np.array(values, np.float64))


def test_a_plateau_has_its_peak_in_the_middle_and_an_end_may_be_one() -> None:
    """
    ::

        ▁▂▅▂▁▃███▃▁▁▆
    """
    assert local_maxima(np.array([1, 2, 5, 2, 1, 3, 8, 8, 8, 3, 1, 1, 6.0])).tolist() == [2, 7, 12]


def test_a_flat_curve_has_one_peak_and_an_empty_one_none() -> None:
    assert local_maxima(np.full(9, 0.5)).tolist() == [4]
    assert local_maxima(np.empty(0)).tolist() == []


def test_rounding_makes_no_peaks() -> None:
    assert local_maxima(np.array([0.3, 0.1 + 0.2, 0.3, 0.1 + 0.2, 0.3])).tolist() == [2]


@given(curves)
def test_nothing_beside_a_peak_exceeds_it_and_the_highest_is_one(scores: np.ndarray) -> None:  # type: ignore[type-arg]
    peaks = local_maxima(scores)
    for peak in peaks:
        assert scores[peak] >= scores[max(peak - 1, 0)]
        assert scores[peak] >= scores[min(peak + 1, len(scores) - 1)]
    if len(scores):
        assert scores[peaks].max() == scores.max()


@given(curves, st.floats(0, 10))
def test_taken_peaks_stand_apart_and_each_other_is_beside_a_better_one(scores: np.ndarray, seconds: float) -> None:  # type: ignore[type-arg]
    times = np.arange(len(scores)) * 0.7
    taken, near = separated(times, scores, seconds)
    assert sorted([*taken, *near]) == list(range(len(scores)))
    for place, one in enumerate(taken):
        assert all(abs(times[one] - times[other]) >= seconds for other in taken[:place])
    for one in near:
        assert any(abs(times[one] - times[other]) < seconds and scores[other] >= scores[one] for other in taken)


def test_of_equals_the_earlier_one_comes_first() -> None:
    assert best_first([0.1, 0.9, 0.9, 0.5]) == [1, 2, 3, 0]
