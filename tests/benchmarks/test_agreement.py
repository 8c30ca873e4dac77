"""How two signals are held against each other."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.agreement import FEWEST, Track, agreement, panes, pearson, spearman, together, windows

values = st.lists(st.integers(-1000, 1000), min_size=3, max_size=40, unique=True).map(lambda each: np.array(each, np.float64))


def track(*pairs: tuple[float, float]) -> Track:
    seconds, found = zip(*pairs, strict=True)
    return Track(np.array(seconds), np.array(found, np.float64))


@given(values)
def test_a_rising_curve_changes_no_rank(found: np.ndarray) -> None:
    assert spearman(found, np.exp(found / 500)) == pytest.approx(1)
    assert spearman(found, -found) == pytest.approx(-1)


@given(values, st.floats(0.1, 10), st.floats(-5, 5))
def test_a_line_changes_no_linear_correlation(found: np.ndarray, slope: float, offset: float) -> None:
    assert pearson(found, slope * found + offset) == pytest.approx(1)


def test_what_never_changes_agrees_with_nothing() -> None:
    assert spearman(np.zeros(9), np.arange(9.0)) == 0


def test_a_pane_is_the_mean_of_its_second() -> None:
    #           |0 . . . |1      |2   3: nothing
    found = panes(track((0.0, 1), (0.6, 3), (1.2, 5), (4.9, 7)))
    assert found.seconds.tolist() == [0, 1, 4]
    assert found.values.tolist() == [2, 5, 7]


def test_windows_last_five_seconds_and_begin_every_three() -> None:
    # 0 1 2 3 4 5 6 7 8 9
    # [---------)            mean of 0 … 4
    #       [---------)      mean of 3 … 7
    #             [-------   is not whole
    found = windows(track(*((float(second), second) for second in range(10))))
    assert found.seconds.tolist() == [0, 3]
    assert found.values.tolist() == [2, 5]


def test_a_stream_shorter_than_a_window_has_none() -> None:
    assert len(windows(track((0.0, 1), (3.9, 2))).values) == 0


def test_only_moments_that_both_have_are_compared() -> None:
    a, b = together(track((0.0, 1), (1.0, 2), (2.0, 3)), track((1.0, 20), (2.0, 30), (3.0, 40)))
    assert a.tolist() == [2, 3]
    assert b.tolist() == [20, 30]


def test_pooling_does_not_credit_files_that_merely_differ_in_level() -> None:
    rng = np.random.default_rng(1)
    files = [(rng.normal(level, 1, 200), rng.normal(level, 1, 200)) for level in (0, 100, 10_000)]
    found = agreement(files)
    assert abs(found.pooled) < 0.2
    assert found.worst <= found.median


def test_a_file_with_few_values_counts_in_the_pool_only() -> None:
    long, short = np.arange(float(FEWEST)), np.arange(3.0)
    found = agreement([(long, long), (short, -short)])
    assert found.worst == pytest.approx(1)
    assert found.pooled < 1


def test_without_a_long_file_nothing_is_said() -> None:
    assert math.isnan(agreement([(np.arange(3.0), np.arange(3.0))]).median)
