"""What came near is named, with what would have let it in."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stream_processor.records import Highlight, ScoredWindow, Window
from stream_processor.reporting.near_misses import APART_SECONDS, MOST, What, near_misses


def curve(*scores: float, threshold: float = 0.5, epoch: int = 0, start: float = 0.0) -> list[ScoredWindow]:
    """Windows of five seconds every three."""
    return [
        ScoredWindow(
            Window(epoch, n, start + 3.0 * n, start + 3.0 * n + 5, {}, (3 * n, 3 * n + 5)),
            score,
            {},
            score=score,
            threshold=threshold,
        )
        for n, score in enumerate(scores)
    ]


def highlight(start: float, end: float) -> Highlight:
    return Highlight("h", 0, start, end, start, 0.9, 0.5, {}, {})


def way(words: str, threshold: float, windows: Sequence[ScoredWindow]) -> What:
    return What({(one.window.epoch, one.window.number): threshold for one in windows}, lambda window: words)


def test_a_summit_below_the_threshold_is_a_near_miss_and_a_highlight_is_none() -> None:
    #                   ╭ 0.4                        ╭ 0.9: taken
    windows = curve(0, 0.1, 0.4, 0.1, 0, 0, 0, 0, 0.2, 0.9, 0.2, 0)
    (found,) = near_misses(windows, [highlight(28.0, 31.0)], [])
    assert (found.start_seconds, found.peak_seconds, found.score) == (6.0, 8.5, 0.4)
    assert found.reason == "0.10 below the threshold"


def test_the_first_way_that_would_have_let_it_in_is_the_reason() -> None:
    windows = curve(0, 0.4, 0)
    ways = [way("too strict", 0.45, windows), way("the bar", 0.39, windows), way("anything", 0.0, windows)]
    assert [one.reason for one in near_misses(windows, [], ways)] == ["the bar"]


def test_what_was_high_enough_stood_too_near_to_another() -> None:
    windows = curve(0, 0.9, 0.1, 0.1, 0.6, 0)
    (found,) = near_misses(windows, [highlight(3.0, 8.0)], [way("not asked", 0.0, windows)])
    assert found.reason == "high enough, but 4 s after the last highlight (peaks.min_distance_seconds, peaks.max_seconds)"


def test_of_a_plateau_there_is_one() -> None:
    assert len(near_misses(curve(0, 0.4, 0.4, 0.4, 0), [], [])) == 1


def test_an_epoch_s_edge_is_no_valley() -> None:
    """Each of them is the highest of its epoch, and neither hides the other."""
    windows = [*curve(0.1, 0.4), *curve(0.45, 0.1, epoch=1, start=20.0)]
    assert [one.score for one in near_misses(windows, [], [])] == [0.4, 0.45]


def test_a_highlight_hides_nothing_of_another_epoch() -> None:
    """A recording goes on in a new epoch without a gap: the last window of one and the first of the next touch the same time."""
    (found,) = near_misses(curve(0, 0.4, 0, epoch=1), [highlight(3.0, 8.0)], [])
    assert found.score == 0.4


def test_what_does_not_rise_half_way_was_not_near() -> None:
    assert near_misses(curve(0, 0.2, 0), [], []) == []


def test_where_nothing_was_judged_nothing_was_near() -> None:
    assert near_misses(curve(0, 0.4, 0, threshold=float("nan")), [], []) == []


@given(st.lists(st.floats(0, 1), max_size=80))
def test_there_are_few_and_they_are_apart_and_in_order(scores: list[float]) -> None:
    found = near_misses(curve(*scores), [], [])
    peaks = [one.peak_seconds for one in found]
    assert len(found) <= MOST
    assert peaks == sorted(peaks)
    assert all(later - earlier >= APART_SECONDS for earlier, later in pairwise(peaks))
