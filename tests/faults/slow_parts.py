"""A scorer that takes its time with each frame: a machine that is too slow for its streams, to a measure."""

import time
from collections.abc import Sequence

import numpy as np

from stream_processor.contracts import Memory
from stream_processor.records import Pane, Samples


class SlowScorer:
    """Takes ``seconds_a_frame`` for each. In each ``every_seconds`` are ``lively_seconds`` of 1.0; the rest is 0.1."""

    signal = "motion"

    def __init__(self, seconds_a_frame: float, every_seconds: float, lively_seconds: float) -> None:
        self._seconds_a_frame = seconds_a_frame
        self._every_seconds = every_seconds
        self._lively_seconds = lively_seconds

    def start(self) -> Memory:
        return None

    def score(self, batch: Sequence[tuple[Memory, Pane]]) -> Sequence[Samples]:
        return [self._score(pane) for _, pane in batch]

    def _score(self, pane: Pane) -> Samples:
        assert pane.frames is not None
        times = np.asarray(pane.frames.times, dtype=np.float64)
        time.sleep(self._seconds_a_frame * len(times))
        since = times % self._every_seconds - self._every_seconds / 4
        is_lively = (since > 0) & (since < self._lively_seconds)
        return Samples(times, np.where(is_lively, 1.0, 0.1 + 0.01 * np.sin(times)))
