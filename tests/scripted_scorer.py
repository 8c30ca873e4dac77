"""A scorer that has seen the stream already: it says how lively each moment is, so that tests know what must be found."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from stream_processor.contracts import Memory
from stream_processor.records import Pane, Samples


class Script:
    """1.0 within the ``lively`` intervals (start and end in epoch seconds), a gentle ripple around 0.1 elsewhere."""

    signal = "motion"

    def __init__(self, lively: Sequence[Sequence[float]] = (), fails_at: float | None = None) -> None:
        self._lively = lively
        self._fails_at = fails_at

    def start(self) -> Memory:
        return None

    def score(self, batch: Sequence[tuple[Memory, Pane]]) -> Sequence[Samples]:
        return [self._score(pane) for _, pane in batch]

    def _score(self, pane: Pane) -> Samples:
        times: Any = pane.number + np.arange(0.0, pane.duration_seconds, 0.2)
        if self._fails_at is not None and times[0] >= self._fails_at:
            raise RuntimeError("the script ends here")
        values = 0.1 + 0.01 * np.sin(times)
        for start, end in self._lively:
            values[(times >= start) & (times < end)] = 1.0
        return Samples(times, values)
