"""What a sieve by packet sizes would spare."""

import numpy as np

from benchmarks.packet_sizes import above_rolling_median, share_needed

WINDOWS = [(float(start), float(start + 5)) for start in range(0, 30, 3)]


def test_a_sieve_that_rates_the_highlight_highest_needs_one_window() -> None:
    sieve = np.zeros(10)
    sieve[4] = 1
    assert share_needed(sieve, WINDOWS, [(13, 16)], 1.0) == 0.1


def test_a_sieve_that_rates_it_lowest_needs_all() -> None:
    # windows   0    3    6    9   12 …
    # rated     0    1    2    3    4 …
    # highlight ==
    assert share_needed(np.arange(10.0), WINDOWS, [(0, 2)], 1.0) == 1.0


def test_a_share_of_the_highlights_may_need_less_than_all_of_them() -> None:
    sieve = np.array([0, 0, 0, 0, 9, 0, 0, 0, 0, -1.0])
    highlights = [(13.0, 16.0), (30.0, 32.0)]
    assert share_needed(sieve, WINDOWS, highlights, 0.5) == 0.1
    assert share_needed(sieve, WINDOWS, highlights, 1.0) == 1.0


def test_without_highlights_nothing_is_needed() -> None:
    assert share_needed(np.arange(10.0), WINDOWS, [], 1.0) == 0.0


def test_a_value_is_held_against_those_before_it_alone() -> None:
    assert above_rolling_median(np.array([5.0, 7.0, 9.0, 1.0])).tolist() == [0, 2, 3, -6]
