"""Detection made of a normaliser and a detector that may do anything at all.

windows     calm calm ▇▇▇ ✗ calm ▇▇▇ …
highlight             ├──│      ├──      closed where it failed; what comes later is found again
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.contracts import Detector, Normaliser
from stream_processor.deciding.detection import Detection, Step
from stream_processor.deciding.judging import Judging
from stream_processor.peaks import PercentilePeaks
from stream_processor.records import Change, Highlight, ScoredWindow, Window, replace
from stream_processor.saliency import RobustZ
from stream_processor.settings import PeaksSettings, WindowSettings
from tests.deciding.test_detection import stream

WEIGHTS = {"motion": 0.4, "novelty": 0.4, "loudness": 0.2}
Wrap = Callable[[Any], Any]


class Failing:
    """A normaliser or detector that does its work, and at its ``number``-th call of ``method`` something else."""

    def __init__(self, inner: Any, method: str, numbers: Sequence[int], instead: Callable[[], Any]) -> None:
        self._inner = inner
        self._method = method
        self._numbers = numbers
        self._instead = instead

    def __getattr__(self, name: str) -> Any:
        if name == "decided":  # it does not tell with what it decided
            raise AttributeError(name)
        found = getattr(self._inner, name)
        return self._call if name == self._method else found

    calls = 0

    def _call(self, *values: Any) -> Any:
        Failing.calls += 1
        if Failing.calls in self._numbers:
            return self._instead()
        return getattr(self._inner, self._method)(*values)


def raising() -> Any:
    raise ZeroDivisionError("a bug in a part from outside")


def judging(part: str, method: str, numbers: Sequence[int], instead: Callable[[], Any] = raising) -> Judging:
    Failing.calls = 0

    def make(baseline: Sequence[Window]) -> Detection:
        normaliser: Normaliser = RobustZ(WEIGHTS, 600)
        detector: Detector = PercentilePeaks(
            PeaksSettings(smoothing="none"), WindowSettings(), lambda epoch, window: f"{epoch}.{window}"
        )
        if part == "normaliser":
            normaliser = Failing(normaliser, method, numbers, instead)
        else:
            detector = Failing(detector, method, numbers, instead)
        return Detection(normaliser, detector, 0.0, baseline)

    return Judging(make, channel="x")


def changes(judged: Judging, windows: Sequence[Window]) -> list[tuple[str, str]]:
    steps = [*(judged.push(window) for window in windows), judged.finish()]
    return [(change.type, change.highlight.id) for step in steps for change in step.changes]


def assert_lawful(told: Sequence[tuple[str, str]]) -> None:
    """Each highlight opens once, first, and closes once, last."""
    for highlight_id in {each for _, each in told}:
        types = [type_ for type_, each in told if each == highlight_id]
        assert types[0] == "open"
        assert types[-1] == "close"
        assert types.count("open") == types.count("close") == 1


def test_without_a_fault_it_is_the_detection_itself() -> None:
    windows = stream(60, (20, 24), (40, 44))
    judged = judging("detector", "push", [])
    plain = Detection(
        RobustZ(WEIGHTS, 600), PercentilePeaks(PeaksSettings(smoothing="none"), WindowSettings(), lambda e, w: f"{e}.{w}"), 0.0
    )
    steps = [*(plain.push(window) for window in windows), plain.finish()]
    assert changes(judged, windows) == [(change.type, change.highlight.id) for step in steps for change in step.changes]
    assert judged.failures == 0


@pytest.mark.parametrize(("part", "method"), [("detector", "push"), ("normaliser", "score")])
def test_what_was_open_is_closed_and_later_moments_are_found_again(part: str, method: str) -> None:
    #  windows   0 … 20 ▇▇▇ ✗ … 40 ▇▇▇▇ 44
    judged = judging(part, method, [23])
    with structlog.testing.capture_logs() as logs:
        told = changes(judged, stream(60, (20, 26), (40, 44)))
    assert_lawful(told)
    assert ("open", "0.20") in told
    assert any(highlight_id in ("0.40", "0.41") for type_, highlight_id in told if type_ == "open")
    assert judged.failures == 1
    (said,) = (line for line in logs if line["log_level"] == "error")
    assert said["reason"] == "ZeroDivisionError: a bug in a part from outside"


def test_one_that_always_fails_decides_nothing_and_is_said_now_and_then() -> None:
    judged = judging("detector", "push", range(1000))
    with structlog.testing.capture_logs() as logs:
        assert changes(judged, stream(150, (20, 26))) == []
    assert judged.failures == 150
    assert [line["failures"] for line in logs if line["log_level"] == "error"] == [1, 101]


def test_one_that_cannot_bear_its_past_begins_without_it() -> None:
    #  learn    … 10 ✗ made anew: 11 ✗ made anew, of nothing
    judged = judging("normaliser", "learn", [10, 11])
    with structlog.testing.capture_logs() as logs:
        assert_lawful(changes(judged, stream(60, (40, 44))))
    assert judged.failures == 1
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["deciding begins without a baseline"]


def test_one_that_cannot_even_be_made_ends_the_channel() -> None:
    with pytest.raises(ZeroDivisionError):
        Judging(lambda baseline: raising())


def nonsense(kind: str, windows: Sequence[Window]) -> Any:
    """What a detector gives that makes no sense, after a highlight was opened in window 20."""
    judged = judging("detector", "push", [])
    opened = [change for window in windows[:22] for change in judged.push(window).changes]
    highlight = opened[0].highlight
    return {
        "no changes": None,
        "not even changes": ["open"],
        "opens twice": [opened[0]],
        "closes what is not open": [Change("close", replace(highlight, id="nobody"))],
        "of an epoch that never was": [Change("open", replace(highlight, id="other", epoch=7))],
        "moved to another epoch": [Change("grow", replace(highlight, epoch=1))],
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "no changes",
        "not even changes",
        "opens twice",
        "closes what is not open",
        "of an epoch that never was",
        "moved to another epoch",
    ],
)
def test_decisions_that_make_no_sense_count_as_a_failure(kind: str) -> None:
    windows = stream(60, (20, 26))
    odd = nonsense(kind, windows)
    judged = judging("detector", "push", [24], lambda: odd)
    with structlog.testing.capture_logs():
        assert_lawful(changes(judged, windows))
    assert judged.failures == 1


@pytest.mark.parametrize("longest_seconds", [30.0, float("inf")])
def test_what_a_detector_leaves_open_is_closed_after_a_stated_time_or_with_its_epoch(longest_seconds: float) -> None:
    #  epoch   0 ────────────────────────│ 1 ─────────│
    #  left      [═══ 30 s ┤[═══ 30 s ┤[═╡[═══ 30 s ┤[╡     the next detector leaves it open just so
    def make(baseline: Sequence[Window]) -> Detection:
        return Detection(RobustZ(WEIGHTS, 600), NeverCloses(), 0.0, baseline)

    judged = Judging(make, channel="x", longest_seconds=longest_seconds)
    lengths = dict[str, float]()
    told = list[tuple[str, str]]()
    with structlog.testing.capture_logs() as lines:
        for windows in (stream(30), stream(15, epoch=1, at_seconds=200.0)):
            for step in (*(judged.push(window) for window in windows), judged.end_epoch()):
                told += [(change.type, change.highlight.id) for change in step.changes]
                closed = (change.highlight for change in step.changes if change.type == "close")
                lengths |= {highlight.id: highlight.end_seconds - highlight.start_seconds for highlight in closed}
    assert_lawful(told)
    assert len(lengths) == judged.failures > (2 if longest_seconds < 100 else 1)
    assert max(lengths.values()) <= longest_seconds
    assert len([line for line in lines if line["log_level"] == "error"]) == 1


class NeverCloses:
    """A detector from outside that opens a highlight with its first window and lets it grow for good, over every end."""

    def __init__(self) -> None:
        self._windows: list[ScoredWindow] = []

    def learn(self, windows: Sequence[ScoredWindow]) -> None:
        pass

    def push(self, scored: ScoredWindow) -> Sequence[Change]:
        self._windows.append(scored)
        first = self._windows[0].window
        highlight = Highlight(
            id=f"{first.epoch}.{first.number}",
            epoch=first.epoch,
            start_seconds=first.start_seconds,
            end_seconds=scored.window.end_seconds,
            peak_seconds=first.start_seconds,
            score=1.0,
            threshold=0.5,
            components={},
            deviations={},
            windows=tuple(self._windows),
        )
        return [Change("grow" if len(self._windows) > 1 else "open", highlight)]

    def end_epoch(self) -> Sequence[Change]:
        return []


def test_scores_that_are_none_count_as_a_failure() -> None:
    judged = judging("normaliser", "score", [10], lambda: "lively")
    with structlog.testing.capture_logs():
        assert changes(judged, stream(12)) == []
    assert judged.failures >= 1


@settings(deadline=None, max_examples=30)
@given(
    st.sets(st.integers(1, 80), max_size=8),
    st.sampled_from([("detector", "push"), ("normaliser", "score"), ("normaliser", "learn"), ("detector", "end_epoch")]),
    st.lists(st.integers(2, 75), max_size=4),
)
def test_whenever_it_fails_each_highlight_opens_once_and_closes_once(
    numbers: set[int], where: tuple[str, str], bursts: list[int]
) -> None:
    windows = stream(50, *((first, first + 4) for first in bursts)) + stream(30, (10, 14), epoch=1, at_seconds=200.0)
    with structlog.testing.capture_logs():
        assert_lawful(changes(judging(*where, sorted(numbers)), windows))


def test_what_is_kept_for_the_next_run_outlives_a_failure() -> None:
    judged = judging("detector", "push", [30])
    with structlog.testing.capture_logs():
        changes(judged, stream(40))
    assert isinstance(judged.kept()[0], Window)
    assert isinstance(judged.push(stream(41)[-1]), Step)
