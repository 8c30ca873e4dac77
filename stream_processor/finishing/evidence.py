"""What is known of a live stream around one closed highlight, for its finishing steps: as it was when they began."""

import threading
from collections.abc import Callable, Sequence

from stream_processor.finishing.traces import Seen, within
from stream_processor.records import Samples, ScoredWindow

Place = Callable[[float, float], float | None]
"""Two stream times with a cut between them -> that of the first frame behind it, or None."""


class LiveEvidence:
    """A ``contract.Evidence``. ``close`` lets go of what it holds back; afterwards cuts are not placed any more."""

    def __init__(self, bounds: tuple[float, float], seen: Seen, release: Callable[[], None]) -> None:
        self._bounds = bounds
        self._seen = seen
        self._release = release
        self._lock = threading.Lock()
        self.place: Place = lambda _before, _after: None
        self.is_closed = False

    @property
    def bounds(self) -> tuple[float, float]:
        return self._bounds

    def trace(self, name: str, start_seconds: float, end_seconds: float) -> Samples:
        found = self._seen.traces.get(name)
        return Samples.none() if found is None else within(found, start_seconds, end_seconds)

    def windows(self, start_seconds: float, end_seconds: float) -> Sequence[ScoredWindow]:
        return [
            scored
            for scored in self._seen.windows
            if scored.window.start_seconds < end_seconds and scored.window.end_seconds > start_seconds
        ]

    def first_frame_after_cut(self, before_seconds: float, after_seconds: float) -> float | None:
        return None if self.is_closed else self.place(before_seconds, after_seconds)

    def close(self) -> None:
        with self._lock:
            was_open, self.is_closed = not self.is_closed, True
        if was_open:
            self._release()
