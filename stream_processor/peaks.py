"""Where highlights open, grow and close: smoothed saliency against a rolling percentile, with hysteresis.

enter  ─────────────╭──╮────────────  percentile of the history, at least median + min_rise
leave  ───────────╭─╯──╰─╮──────────  between the two, at leave_ratio
median ───────────╯──────╰──────────
                   [-----)            highlight
"""

import math
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from stream_processor.deciding.threshold import Levels, Threshold
from stream_processor.records import Change, Highlight, ScoredWindow, replace
from stream_processor.settings import PeaksSettings, WindowSettings

DETECTORS = {"percentile": "stream_processor.peaks:PercentilePeaks"}
"""Each is built as ``Class(settings, window, identify, **settings.options)``; a class from outside likewise."""

Identify = Callable[[int, int], str]
"""(epoch, number of the window that opens it) -> the highlight's id."""

_GAUSSIAN = (0.054, 0.242, 0.399, 0.242, 0.054)
"""Standard deviation of one window, cut off at two."""
_REACH = len(_GAUSSIAN) // 2


class PercentilePeaks:
    """A detector with a declared look-ahead: a window is decided when ``look_ahead`` more have come, or its epoch ends.

    Each window stands for the hop in its middle, so that a highlight does not begin with what only its first window's edge
    saw. Bounds: the history, two windows on each side, and the windows of one highlight (``max_seconds``).
    """

    def __init__(self, settings: PeaksSettings, window: WindowSettings, identify: Identify) -> None:
        self._settings = settings
        self._edge_seconds = (window.length_seconds - window.hop_seconds) / 2
        self._identify = identify
        self._threshold = Threshold(settings)
        self._learnt: set[tuple[int, int]] = set()
        """Windows in the history that are still to be decided: they must not count twice."""
        self._near: deque[ScoredWindow] = deque(maxlen=2 * self.look_ahead + 1)
        self._undecided = 0
        self._open: list[ScoredWindow] = []
        self._id = ""
        self._no_sooner_seconds = -math.inf
        self.decided: Sequence[ScoredWindow] = ()
        """What the latest ``push`` or ``end_epoch`` decided, with score and threshold."""

    @property
    def look_ahead(self) -> int:
        """Windows."""
        return 0 if self._settings.smoothing == "none" else _REACH

    def learn(self, windows: Sequence[ScoredWindow]) -> None:
        """Add to the history; a window that is pushed after it was learnt is decided, but not added again."""
        for index, window in enumerate(windows):
            before = _of_epoch(window, windows[max(index - self.look_ahead, 0) : index])
            after = _of_epoch(window, windows[index + 1 : index + 1 + self.look_ahead])
            self._threshold.add(window.window, self._smooth([*before, window, *after], len(before)))
            self._learnt.add(_key(window))

    def push(self, window: ScoredWindow) -> Sequence[Change]:
        self._near.append(window)
        self._undecided += 1
        return self._decide(self._undecided - self.look_ahead)

    def end_epoch(self) -> Sequence[Change]:
        changes = self._decide(self._undecided)
        self._near.clear()
        return [*changes, *self._close()]

    def _decide(self, count: int) -> Sequence[Change]:
        """Decide the oldest ``count`` of the undecided windows, each against the history before it."""
        decided: list[ScoredWindow] = []
        changes: list[Change] = []
        for _ in range(count):
            index = len(self._near) - self._undecided
            first = max(index - self.look_ahead, 0)
            score = self._smooth(list(self._near)[first : index + self.look_ahead + 1], index - first)
            levels = self._threshold.levels(self._near[index].window.start_seconds)
            window = replace(self._near[index], score=score, threshold=levels.enter)
            self._undecided -= 1
            if _key(window) in self._learnt:
                self._learnt.remove(_key(window))
            else:
                self._threshold.add(window.window, score)
            decided.append(window)
            changes += self._follow(window, levels)
        self.decided = decided
        return changes

    def _smooth(self, near: Sequence[ScoredWindow], at: int) -> float:
        """The smoothed saliency of ``near[at]``; at an epoch's ends from the windows that are there."""
        values = [window.saliency for window in near]
        if self._settings.smoothing == "none":
            return values[at]
        if self._settings.smoothing == "median":
            return float(np.median(values))
        weights = _GAUSSIAN[_REACH - at : _REACH - at + len(values)]
        return math.fsum(w * v for w, v in zip(weights, values, strict=True)) / math.fsum(weights)

    def _follow(self, window: ScoredWindow, levels: Levels) -> Sequence[Change]:
        changes = self._continue(window, levels) if self._open else []
        if not self._open and window.score >= levels.enter and self._start(window) >= self._no_sooner_seconds:
            self._open = [window]
            self._id = self._identify(window.window.epoch, window.window.number)
            self._threshold.opened(self._start(window))
            return [*changes, Change("open", self._highlight())]
        return changes

    def _continue(self, window: ScoredWindow, levels: Levels) -> Sequence[Change]:
        if self._end(window) - self._start(self._open[0]) > self._settings.max_seconds:
            return self._close()
        if window.score >= levels.leave:
            self._open.append(window)
            return [Change("grow", self._highlight())]
        if window.window.end_seconds - self._open[-1].window.end_seconds > self._settings.merge_gap_seconds:
            return self._close()
        return []

    def _close(self) -> Sequence[Change]:
        if not self._open:
            return []
        closed = Change("close", self._highlight())
        self._no_sooner_seconds = closed.highlight.end_seconds + self._settings.min_distance_seconds
        self._open = []
        return [closed]

    def _start(self, window: ScoredWindow) -> float:
        return window.window.start_seconds + self._edge_seconds

    def _end(self, window: ScoredWindow) -> float:
        """A short window at an epoch's end has nothing after it: it stands for all it has."""
        edge = 0.0 if window.window.is_short else self._edge_seconds
        return max(window.window.end_seconds - edge, self._start(window))

    def _highlight(self) -> Highlight:
        peak = max(self._open, key=lambda window: window.score)
        start, end = self._start(self._open[0]), self._end(self._open[-1])
        middle = (peak.window.start_seconds + peak.window.end_seconds) / 2
        return Highlight(
            id=self._id,
            epoch=peak.window.epoch,
            start_seconds=start,
            end_seconds=end,
            peak_seconds=min(max(middle, start), end),
            score=peak.score,
            threshold=peak.threshold,
            components=peak.window.values,
            deviations=peak.deviations,
            windows=tuple(self._open),
        )


def _key(window: ScoredWindow) -> tuple[int, int]:
    return window.window.epoch, window.window.number


def _of_epoch(window: ScoredWindow, others: Sequence[ScoredWindow]) -> Sequence[ScoredWindow]:
    return [other for other in others if other.window.epoch == window.window.epoch]
