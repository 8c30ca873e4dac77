"""How high a smoothed score must rise to open a highlight, and how low it may fall before that one closes."""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from stream_processor.deciding.history import History
from stream_processor.records import Float64s, Window
from stream_processor.settings import PeaksSettings

_HOUR_SECONDS = 3600.0
_PATIENCE = 6
"""Power with which the bar rises: half of an hour's ordinary highlights hardly raise it, the last ones do."""


@dataclass(frozen=True, slots=True)
class Levels:
    """In units of the smoothed score. NaN while there is no history: nothing compares with it."""

    enter: float
    leave: float


class Threshold:
    """A rolling percentile of the scores decided so far, and at least ``min_rise`` over their median.

    Each highlight of the last hour raises the bar for the next: up to ``ordinary_per_hour`` of them are let through, beyond
    that only what reaches ``outstanding``. With ``clips_per_hour`` the percentile and that limit are replaced
    by the score that about so many moments an hour have reached. Bounds: the history; an hour's openings.
    """

    def __init__(self, settings: PeaksSettings) -> None:
        self._settings = settings
        at_least = _HOUR_SECONDS if settings.clips_per_hour else 0.0
        self._history = History(max(settings.history_seconds, at_least))
        self._opened: deque[float] = deque()

    def add(self, window: Window, score: float) -> None:
        self._history.add(window, score)

    def opened(self, start_seconds: float) -> None:
        self._opened.append(start_seconds)

    def levels(self, now_seconds: float) -> Levels:
        """For a window that starts at ``now_seconds`` of stream time."""
        scores = self._history.values
        if not len(scores):
            return Levels(math.nan, math.nan)
        median = float(np.median(scores))
        usual = self._reached_by_target(scores) if self._settings.clips_per_hour else self._percentile(scores)
        enter = max(usual, median + self._settings.min_rise)
        leave = median + self._settings.leave_ratio * (enter - median)
        return Levels(max(enter, self._bar(now_seconds, median + self._settings.min_rise)), leave)

    def _percentile(self, scores: Float64s) -> float:
        return float(np.percentile(scores, self._settings.percentile))

    def _reached_by_target(self, scores: Float64s) -> float:
        """The k-th highest of the maxima of blocks as long as a highlight may be, where k moments are due in this history."""
        covered = self._history.covered_seconds
        per_block = max(round(len(scores) * self._settings.max_seconds / covered), 1)
        maxima = np.sort([scores[at : at + per_block].max() for at in range(0, len(scores), per_block)])
        due = max(round(self._settings.clips_per_hour * covered / _HOUR_SECONDS), 1)
        return float(maxima[-min(due, len(maxima))])

    def _bar(self, now_seconds: float, lowest: float) -> float:
        """From ``lowest``, with nothing opened in the last hour, up to ``outstanding`` at ``ordinary_per_hour``."""
        limit = self._settings.ordinary_per_hour
        if not limit or self._settings.clips_per_hour:
            return lowest
        while self._opened and self._opened[0] <= now_seconds - _HOUR_SECONDS:
            self._opened.popleft()
        used = min(len(self._opened) / limit, 1.0) ** _PATIENCE
        return lowest + used * max(self._settings.outstanding - lowest, 0.0)
