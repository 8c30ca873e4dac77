"""A number's recent past, bounded by the seconds of stream it stands for."""

from collections import deque

import numpy as np

from stream_processor.records import Float64s, Window


class History:
    """Values of the last ``seconds`` of scored stream. Gaps between them (lost connections, epochs) do not count.

    Bound: the oldest value is dropped once the others alone cover ``seconds``.
    """

    def __init__(self, seconds: float) -> None:
        self._limit_seconds = seconds
        self._entries: deque[tuple[float, float]] = deque()
        self._newest: Window | None = None
        self.covered_seconds = 0.0

    def add(self, window: Window, value: float) -> None:
        """``window`` says how much of the stream the value stands for: what it shows beyond the window added before."""
        share_seconds = new_seconds(window, self._newest)
        self._newest = window
        self._entries.append((share_seconds, value))
        self.covered_seconds += share_seconds
        while self.covered_seconds - self._entries[0][0] >= self._limit_seconds:
            self.covered_seconds -= self._entries.popleft()[0]

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def values(self) -> Float64s:
        """float64 (n,), oldest first."""
        return np.fromiter((value for _, value in self._entries), np.float64, len(self._entries))


def new_seconds(window: Window, before: Window | None) -> float:
    """Seconds of stream in ``window`` that ``before``, the window that came before it, did not show yet."""
    if before is None or before.epoch != window.epoch:
        return window.end_seconds - window.start_seconds
    return max(window.end_seconds - max(window.start_seconds, before.end_seconds), 0.0)
