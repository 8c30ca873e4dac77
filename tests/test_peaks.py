"""Highlights on score lines: one character a window (every 3 s, 5 s long), ``.`` calm, ``#`` high, ``-`` between the levels."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.contracts import Detector
from stream_processor.peaks import DETECTORS, PercentilePeaks
from stream_processor.records import Change, Highlight, ScoredWindow, Window
from stream_processor.settings import PeaksSettings, WindowSettings
from stream_processor.tables import find

HEIGHTS = {".": 0.0, "-": 0.6, "#": 0.9}
CALM = "." * 40


def scored(number: int, saliency: float, *, epoch: int = 0, short: bool = False) -> ScoredWindow:
    start = 10_000.0 * epoch + 3.0 * number
    window = Window(epoch, number, start, start + 5, {"motion": saliency}, (3 * number, 3 * number + 5), is_short=short)
    return ScoredWindow(window, saliency, {"motion": saliency})


def detector(**options: Any) -> PercentilePeaks:
    made = PeaksSettings(**{"smoothing": "none", "min_rise": 0.8, "leave_ratio": 0.5, "ordinary_per_hour": 0.0, **options})
    peaks = PercentilePeaks(made, WindowSettings(), lambda epoch, window: f"{epoch}.{window}")
    peaks.learn([scored(number, 0.0, epoch=-1) for number in range(40)])
    return peaks


def changes_of(line: str, **options: Any) -> list[Change]:
    peaks = detector(**options)
    made = [change for number, mark in enumerate(line) for change in peaks.push(scored(number, HEIGHTS[mark]))]
    return [*made, *peaks.end_epoch()]


def closed(changes: Sequence[Change]) -> list[Highlight]:
    return [change.highlight for change in changes if change.type == "close"]


def spans(changes: Sequence[Change]) -> list[tuple[float, float]]:
    return [(highlight.start_seconds, highlight.end_seconds) for highlight in closed(changes)]


@pytest.mark.parametrize("kind", DETECTORS)
def test_every_kind_in_the_table_is_a_detector(kind: str) -> None:
    made = find(DETECTORS, kind, "peaks.kind")(PeaksSettings(), WindowSettings(), lambda epoch, window: "x")
    assert isinstance(made, Detector)


def test_a_highlight_opens_grows_and_closes_under_one_id() -> None:
    #  windows 4 to 6, of which each stands for the three seconds in its middle
    changes = changes_of("....###.....")
    assert [change.type for change in changes] == ["open", "grow", "grow", "close"]
    assert {change.highlight.id for change in changes} == {"0.4"}
    assert spans(changes) == [(13, 22)]
    assert changes[-1].highlight.threshold == 0.8
    assert changes[-1].highlight.score == 0.9
    assert [window.window.number for window in changes[-1].highlight.windows] == [4, 5, 6]


def test_calm_makes_none() -> None:
    assert changes_of("." * 100) == []


def test_what_stays_between_the_levels_opens_none_but_keeps_one_open() -> None:
    assert changes_of("...---...") == []
    assert spans(changes_of("...#--...")) == [(10, 19)]


def test_a_lull_shorter_than_the_merge_gap_is_bridged() -> None:
    assert len(closed(changes_of("..##.##....", merge_gap_seconds=3))) == 1
    assert len(closed(changes_of("..##..##...", merge_gap_seconds=3))) == 2
    assert len(closed(changes_of("..##..##...", merge_gap_seconds=6))) == 1


def test_a_long_moment_is_closed_at_the_maximum_and_the_next_begins() -> None:
    lengths = [end - start for start, end in spans(changes_of("..######..", max_seconds=9))]
    assert lengths == [9, 9]


def test_the_next_keeps_its_distance() -> None:
    (first, second) = spans(changes_of("..#...#.#.#...", min_distance_seconds=15))
    assert second[0] - first[1] >= 15


def test_an_epoch_s_end_closes_what_is_open() -> None:
    peaks = detector()
    peaks.push(scored(0, 0.9))
    assert [change.type for change in peaks.end_epoch()] == ["close"]
    assert peaks.end_epoch() == []
    assert [change.highlight.epoch for change in peaks.push(scored(0, 0.9, epoch=1))] == [1]


def test_a_short_last_window_stands_for_all_it_has() -> None:
    peaks = detector()
    peaks.push(scored(0, 0.9))
    peaks.push(scored(1, 0.9, short=True))
    assert spans(peaks.end_epoch()) == [(1, 8)]


@pytest.mark.parametrize(("smoothing", "look_ahead"), [("none", 0), ("gaussian", 2), ("median", 2)])
def test_a_window_is_decided_when_the_look_ahead_has_come(smoothing: str, look_ahead: int) -> None:
    peaks = detector(smoothing=smoothing)
    assert peaks.look_ahead == look_ahead
    decided = []
    for number in range(6):
        peaks.push(scored(number, 0.0))
        decided.append([window.window.number for window in peaks.decided])
    assert decided == [[]] * look_ahead + [[number] for number in range(6 - look_ahead)]
    peaks.end_epoch()
    assert len(peaks.decided) == look_ahead


def test_the_median_ignores_what_lasts_for_two_windows() -> None:
    assert changes_of("....##.....", smoothing="median") == []
    assert len(closed(changes_of("....###....", smoothing="median"))) == 1


def test_the_gaussian_lets_through_what_lasts() -> None:
    assert len(closed(changes_of("....#####....", smoothing="gaussian"))) == 1
    assert changes_of("....#........", smoothing="gaussian") == []


def test_a_window_learnt_before_counts_once() -> None:
    windows = [scored(number, float(number)) for number in range(10)]
    once, twice = detector(), detector()
    once.learn(windows)
    twice.learn(windows)
    for window in windows:
        twice.push(window)
    probe = scored(10, 0.0)
    once.push(probe)
    twice.push(probe)
    assert once.decided[0].threshold == twice.decided[0].threshold


def test_learning_smooths_as_deciding_does() -> None:
    windows = [scored(number, float(number % 4)) for number in range(30)]
    learnt, pushed = detector(smoothing="gaussian"), detector(smoothing="gaussian")
    learnt.learn(windows)
    for window in windows:
        pushed.push(window)
    pushed.end_epoch()
    for peaks in (learnt, pushed):
        peaks.push(scored(0, 0.0, epoch=1))
        peaks.end_epoch()
    assert learnt.decided[0].threshold == pushed.decided[0].threshold


lines = st.lists(st.floats(-3, 1), min_size=1, max_size=80)
smoothings = st.sampled_from(["none", "gaussian", "median"])


@settings(max_examples=60, deadline=None)
@given(lines, lines, smoothings)
def test_decisions_never_change(line: list[float], more: list[float], smoothing: str) -> None:
    short, long = (detector(smoothing=smoothing, min_rise=0.3, ordinary_per_hour=3.0) for _ in range(2))
    before = [change for number, value in enumerate(line) for change in short.push(scored(number, value))]
    after = [change for number, value in enumerate(line + more) for change in long.push(scored(number, value))]
    assert after[: len(before)] == before


@settings(max_examples=60, deadline=None)
@given(lines, smoothings, st.floats(3, 30), st.floats(0, 20))
def test_highlights_keep_to_their_bounds(line: list[float], smoothing: str, longest: float, distance: float) -> None:
    options = {"smoothing": smoothing, "min_rise": 0.1, "max_seconds": longest, "min_distance_seconds": distance}
    peaks = detector(**options)
    changes = [change for number, value in enumerate(line) for change in peaks.push(scored(number, value))]
    changes += peaks.end_epoch()
    by_id: dict[str, list[str]] = {}
    for change in changes:
        by_id.setdefault(change.highlight.id, []).append(change.type)
    assert all(types[0] == "open" and types[-1] == "close" and set(types[1:-1]) <= {"grow"} for types in by_id.values())
    intervals = spans(changes)
    assert all(end - start <= longest + 1e-9 for start, end in intervals)
    assert all(after[0] - before[1] >= distance - 1e-9 for before, after in itertools.pairwise(intervals))
