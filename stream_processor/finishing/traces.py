"""What was measured in the last while, for finishing: samples that scorers keep, each signal's means, and the decided windows.

Bounds: ``seconds`` of what was scored (a gap between two epochs pushes nothing out), and ``_MOST_MB`` of samples whatever
scorers give; the oldest panes go first. With the light novelty and all observers of the table a second takes about 10 KB.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stream_processor.records import PaneScore, Samples, ScoredWindow

_MOST_MB = 32.0
_MEAN_BYTES = 200
"""What one signal's mean takes, about, with what Python keeps beside it."""


class _Pane(NamedTuple):
    epoch: int
    start_seconds: float
    end_seconds: float
    samples: Mapping[str, Samples]
    n_bytes: int


@dataclass(frozen=True)
class Seen:
    """What was seen between two times of one epoch. Times are stream seconds."""

    traces: Mapping[str, Samples]
    windows: Sequence[ScoredWindow]


class Traces:
    """Of one run. Times go in as epoch seconds, as scorers give them, and come out as stream seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._panes: deque[_Pane] = deque()
        self._windows: deque[ScoredWindow] = deque()
        self._bytes = 0
        self._held_seconds = 0.0
        self._ended_epoch = -1

    def add(self, pane: PaneScore, epoch_start_seconds: float) -> None:
        """The run's next pane. A signal whose samples are not kept is there as its mean, at the pane's middle."""
        samples = {name: _later(trace, epoch_start_seconds) for name, trace in pane.traces.items()}
        middle = np.array([pane.start_seconds + pane.duration_seconds / 2])
        for signal, part in pane.signals.items():
            if signal not in samples and part.mean is not None:
                samples[signal] = Samples(middle, np.array([part.mean]))
        n_bytes = sum(_bytes(trace) for trace in samples.values())
        self._panes.append(_Pane(pane.epoch, pane.start_seconds, pane.start_seconds + pane.duration_seconds, samples, n_bytes))
        self._bytes += n_bytes
        if pane.is_last:
            self._ended_epoch = max(self._ended_epoch, pane.epoch)
        self._held_seconds += pane.duration_seconds
        while len(self._panes) > 1 and (self._held_seconds > self._seconds or self._bytes > _MOST_MB * 1e6):
            oldest = self._panes.popleft()
            self._bytes -= oldest.n_bytes
            self._held_seconds -= oldest.end_seconds - oldest.start_seconds
        self._drop_windows()

    def decided(self, window: ScoredWindow) -> None:
        """The next window that was decided."""
        self._windows.append(window)
        self._drop_windows()

    def reach(self, epoch: int) -> tuple[float, bool]:
        """Up to which stream time this epoch was seen, and whether that was all of it."""
        reached = max((pane.end_seconds for pane in self._panes if pane.epoch == epoch), default=float("-inf"))
        is_over = epoch <= self._ended_epoch or any(pane.epoch > epoch for pane in self._panes)
        return reached, is_over

    def seen(self, epoch: int, start_seconds: float, end_seconds: float) -> Seen:
        """What overlaps [start, end), for good: what is added later does not change it."""
        panes = [
            pane
            for pane in self._panes
            if pane.epoch == epoch and pane.start_seconds < end_seconds and pane.end_seconds > start_seconds
        ]
        names = dict.fromkeys(name for pane in panes for name in pane.samples)
        windows = [scored for scored in self._windows if scored.window.epoch == epoch]
        return Seen(
            {name: _joined([pane.samples[name] for pane in panes if name in pane.samples]) for name in names},
            tuple(
                scored
                for scored in windows
                if scored.window.start_seconds < end_seconds and scored.window.end_seconds > start_seconds
            ),
        )

    def _drop_windows(self) -> None:
        """Those that lie before all that is held."""
        while self._windows and self._panes and self._windows[0].window.end_seconds <= self._panes[0].start_seconds:
            self._windows.popleft()


def within(trace: Samples, start_seconds: float, end_seconds: float) -> Samples:
    """Those in [start, end)."""
    inside = (trace.times >= start_seconds) & (trace.times < end_seconds)
    return Samples(trace.times[inside], trace.values[inside], None if trace.vectors is None else trace.vectors[inside])


def _later(trace: Samples, seconds: float) -> Samples:
    return Samples(trace.times + seconds, trace.values, trace.vectors)


def _joined(parts: Sequence[Samples]) -> Samples:
    """Of what another kind of scorer measured before, whose vectors cannot be compared, nothing."""
    filled = [part for part in parts if len(part.times)]
    if not filled:
        return Samples.none()
    alike = [part for part in filled if _dimension(part) == _dimension(filled[-1])]
    vectors = [part.vectors for part in alike if part.vectors is not None]
    return Samples(
        np.concatenate([part.times for part in alike]),
        np.concatenate([part.values for part in alike]),
        np.concatenate(vectors) if vectors else None,
    )


def _dimension(trace: Samples) -> int:
    return 0 if trace.vectors is None else int(trace.vectors.shape[1])


def _bytes(trace: Samples) -> int:
    return _MEAN_BYTES + trace.times.nbytes + trace.values.nbytes + (0 if trace.vectors is None else trace.vectors.nbytes)
