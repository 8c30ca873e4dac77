"""Which moments were nearly a highlight, and what would have let them in. Pure.

::

    threshold ─────────────────────────
    score        ╭─╮           ╭╮            a near-miss is a summit outside of all highlights that rises at least half way
              ───╯ ╰───────────╯╰───────

Why it was not taken is not guessed: the same windows are decided again with one setting changed, and what lets the summit
through is the reason.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from stream_processor.records import Highlight, ScoredWindow
from stream_processor.reporting.page import NearMiss

MOST = 12
"""Near-misses shown: those that came nearest."""

LEAST_SHARE = 0.5
"""Of the threshold; what rose less was not near."""

APART_SECONDS = 10.0
"""Of two summits that are nearer to each other than this, the higher one stands for both."""

Thresholds = Mapping[tuple[int, int], float]
"""(epoch, window number) -> the threshold that the window was held against."""


@dataclass(frozen=True)
class What:
    """One way in which it could have been let in: the thresholds as they would have been, and the words for it."""

    thresholds: Thresholds
    reason: Callable[[ScoredWindow], str]


def near_misses(windows: Sequence[ScoredWindow], highlights: Sequence[Highlight], ways: Sequence[What]) -> list[NearMiss]:
    """The nearest of them, by time. ``windows`` are decided, in order; ``ways`` are asked in their order."""
    summits = [window for window in _summits(windows) if _is_near(window) and not _is_inside(window, highlights)]
    chosen: list[ScoredWindow] = []
    for summit in sorted(summits, key=lambda window: window.threshold - window.score):
        if all(abs(_middle(summit) - _middle(other)) >= APART_SECONDS for other in chosen):
            chosen.append(summit)
        if len(chosen) == MOST:
            break
    return [
        NearMiss(
            start_seconds=window.window.start_seconds,
            end_seconds=window.window.end_seconds,
            peak_seconds=_middle(window),
            score=window.score,
            threshold=window.threshold,
            reason=_why(window, ways, highlights),
        )
        for window in sorted(chosen, key=_middle)
    ]


def key(window: ScoredWindow) -> tuple[int, int]:
    return window.window.epoch, window.window.number


def _why(window: ScoredWindow, ways: Sequence[What], highlights: Sequence[Highlight]) -> str:
    if window.score >= window.threshold:
        return f"high enough, but {_too_near(window, highlights)}"
    for way in ways:
        if window.score >= way.thresholds.get(key(window), math.inf):
            return way.reason(window)
    return f"{window.threshold - window.score:.2f} below the threshold"


def _too_near(window: ScoredWindow, highlights: Sequence[Highlight]) -> str:
    before = [one for one in highlights if one.end_seconds <= window.window.end_seconds]
    if not before:
        return "too near to another highlight (peaks.min_distance_seconds)"
    gap_seconds = window.window.start_seconds - before[-1].end_seconds
    return f"{max(gap_seconds, 0):.0f} s after the last highlight (peaks.min_distance_seconds, peaks.max_seconds)"


def _summits(windows: Sequence[ScoredWindow]) -> list[ScoredWindow]:
    """Local maxima of the score within an epoch; of a plateau its first window."""
    found: list[ScoredWindow] = []
    for _, of_epoch in itertools.groupby(windows, key=lambda window: window.window.epoch):
        steps = [next(alike) for _, alike in itertools.groupby(of_epoch, key=lambda window: window.score)]
        scores = [-math.inf, *(step.score for step in steps), -math.inf]
        found += [step for at, step in enumerate(steps, start=1) if scores[at - 1] < scores[at] > scores[at + 1]]
    return found


def _is_near(window: ScoredWindow) -> bool:
    return math.isfinite(window.threshold) and window.score > 0 and window.score >= LEAST_SHARE * window.threshold


def _is_inside(window: ScoredWindow, highlights: Sequence[Highlight]) -> bool:
    return any(
        one.epoch == window.window.epoch
        and one.start_seconds < window.window.end_seconds
        and window.window.start_seconds < one.end_seconds
        for one in highlights
    )


def _middle(window: ScoredWindow) -> float:
    return (window.window.start_seconds + window.window.end_seconds) / 2
