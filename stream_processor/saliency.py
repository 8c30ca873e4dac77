"""Signals made comparable: each becomes a deviation from its own recent history, then they are weighted and added.

Motion comes in frame heights per second, novelty in cosines, loudness in amplitudes; only "how unusual for this
stream" is common to them. Which normaliser is the default, and why, is measured in ``docs/detection.md``.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from stream_processor.deciding.history import History
from stream_processor.records import Float64s, ScoredWindow, Window

NORMALISERS = {
    "robust_z": "stream_processor.saliency:RobustZ",
    "rank": "stream_processor.saliency:Rank",
    "raw": "stream_processor.saliency:Raw",
}
"""Each is built as ``Class(weights, history_seconds, **options)``; a class from outside likewise."""

MAD_TO_SIGMA = 1.4826
"""The median absolute deviation of normal noise times this is its standard deviation."""

FLOORS: Mapping[str, float] = MappingProxyType({"motion": 0.01, "novelty": 0.01, "loudness": 0.005})
"""Smallest scale per signal, in its own unit: what codec noise, a blinking cursor and room tone do in a still stream.

motion 0.01 frame heights per second, novelty 0.01 of 1 - cos, loudness 0.005 of full scale (-46 dB). They keep black,
silence and still pictures, whose history has no spread at all, from making a highlight of nothing."""

_TINY = 1e-9
"""Keeps a signal that was never anything but zero, and has no floor, from dividing by zero."""


_DOUBT_WINDOWS = 2
"""A history of n windows tells the scale only roughly: it is taken as wider by this over n, most of all at the very start."""


class Deviation(NamedTuple):
    """``amount``: how far from usual, -1 to 1 but for raw values. ``voice``: the share of its weight the signal has, 0 to 1."""

    amount: float
    voice: float = 1.0


Measure = Callable[[str, float, Float64s], Deviation]
"""(signal, value, history) -> how unusual the value is for the history, float64 (n,), n > 0, in the signal's own unit."""


class Weighted:
    """A history per signal, and the weighted mean of a measure; the normalisers differ in the measure.

    A gap (a signal without samples in this window) contributes no deviation and keeps its weight. A signal that has no
    history at all is left out, and the other weights are scaled up to the whole. Deviations below zero count ``against``
    times: one quiet signal speaks louder against a highlight than one lively signal speaks for it. A signal that restarts in
    a window, since another kind of scorer measures it from there on, is compared with nothing older.
    """

    def __init__(self, weights: Mapping[str, float], history_seconds: float, measure: Measure, against: float = 1.0) -> None:
        self._weights = dict(weights)
        self._measure = measure
        self._against = against
        self._history_seconds = history_seconds
        self._histories = {signal: History(history_seconds) for signal in weights}
        self._seen: set[str] = set()

    @property
    def absent(self) -> Sequence[str]:
        """Signals that no window had so far, in the order of the weights."""
        return [signal for signal in self._histories if signal not in self._seen]

    def learn(self, windows: Sequence[Window]) -> None:
        for window in windows:
            for signal in window.restarts & self._histories.keys():
                self._histories[signal] = History(self._history_seconds)
            for signal, history in self._histories.items():
                if signal in window.values:
                    history.add(window, window.values[signal])
                    self._seen.add(signal)

    def score(self, window: Window) -> ScoredWindow:
        deviations: dict[str, float] = {}
        total, whole = 0.0, 0.0
        for signal, history in self._histories.items():
            if not len(history) or not self._weights[signal] or signal in window.restarts:
                continue
            values = history.values
            amount, voice = self._measure(signal, window.values.get(signal, float(np.median(values))), values)
            weight = self._weights[signal] * voice
            whole += weight
            if signal in window.values:
                deviations[signal] = amount
                total += weight * (amount if amount > 0 else self._against * amount)
        return ScoredWindow(window, total / whole if whole else 0.0, MappingProxyType(deviations))


class RobustZ(Weighted):
    """Robust z-scores, limited: tanh(z / limit) with z = (value - median) / scale.

    The scale is 1.4826 MAD, or the signal's floor where that is greater: what a standard deviation is in calm stream,
    unmoved by the highlights in it (B. Iglewicz and D. Hoaglin, "How to Detect and Handle Outliers", 1993). The limit
    keeps one signal gone wild (a camera carried about, in silence) from outvoting two that do not agree. A signal that has
    stood still for its whole history says nothing and leaves its weight to the others until it moves: its voice is its
    spread over its floor.

    ``floors``: signal -> smallest scale in its own unit, over FLOORS. ``relative_floor``: smallest scale as a part of the
    median, for all signals: below it, and below a floor of its own where it has one, nothing is unusual.
    ``limit`` in standard deviations.
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        history_seconds: float,
        floors: Mapping[str, float] | None = None,
        relative_floor: float = 0.6,
        limit: float = 2.0,
        against: float = 3.0,
    ) -> None:
        super().__init__(weights, history_seconds, self._limited_z, against)
        self._floors = {**FLOORS, **(floors or {})}
        self._relative_floor = relative_floor
        self._limit = limit

    def _limited_z(self, signal: str, value: float, history: Float64s) -> Deviation:
        low, median, high = (float(level) for level in np.percentile(history, (5, 50, 95)))
        floor = max(self._floors.get(signal, 0.0), self._relative_floor * abs(median), _TINY)
        mad = float(np.median(np.abs(history - median)))
        scale = max(MAD_TO_SIGMA * mad, floor) * (1 + _DOUBT_WINDOWS / len(history))
        spread = max(high - low, abs(value - median))
        return Deviation(math.tanh((value - median) / scale / self._limit), min(spread / floor, 1.0))


class Rank(Weighted):
    """Mid-rank among the history, from -1 (below all) to 1 (above all), 0 in a flat stream.

    It does not know by how much a value stands out: even a calm stream has its highest windows.
    """

    def __init__(self, weights: Mapping[str, float], history_seconds: float, against: float = 1.0) -> None:
        super().__init__(weights, history_seconds, self._rank, against)

    @staticmethod
    def _rank(_signal: str, value: float, history: Float64s) -> Deviation:
        return Deviation((int(np.sum(history < value)) - int(np.sum(history > value))) / len(history))


class Raw(Weighted):
    """The values as they are, in their own units: a baseline for the benchmark, or for signals scaled beforehand."""

    def __init__(self, weights: Mapping[str, float], history_seconds: float) -> None:
        super().__init__(weights, history_seconds, lambda _signal, value, _history: Deviation(value))
