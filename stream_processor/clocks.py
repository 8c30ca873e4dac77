"""The wall clock as far as it can be believed. It may be set back and forth by hours, and begin in 1970 where a machine has no
clock of its own; how time passes, the monotonic clock alone knows.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_MOST_SET_BACK = timedelta(days=1)
"""A wall clock set back by more was wrong before: the truth then matters more than the order of names."""


class CautiousUtc:
    """UTC in seconds since 1970, for the age of what must not be thrown away early: it never runs ahead of time itself.

    wall        ▁▁▁▁▁▁▁▁▁▁│▇▇▇▇▇▇  set years ahead, as NTP does after a start in 1970
    cautious    ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
    """

    def __init__(self, now: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._clock = clock
        self._began_at = now() - clock()

    def __call__(self) -> float:
        self._began_at = min(self._began_at, self._now() - self._clock())
        return self._began_at + self._clock()


class SteadyUtc:
    """When an epoch of a live stream began, so that clips named by it sort by stream time.

    wall      10:00 ──────── 12:00 │ 11:00 ────── 12:00      set back by an hour
    epochs    10:00     11:30         12:15                  as long as all of them are of one run

    Forth it is followed at once, back by at most a day not at all, and by more at once.
    """

    def __init__(
        self, now: Callable[[], datetime] = lambda: datetime.now(UTC), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = now
        self._clock = clock
        self._last: tuple[datetime, float] | None = None

    def __call__(self, stream_seconds: float, arrived_at: float) -> datetime:
        """``stream_seconds``: where in the stream it is; ``arrived_at``: monotonic, when its first packet came."""
        told = self._now() - timedelta(seconds=max(0.0, self._clock() - arrived_at))
        if self._last is not None:
            last, last_stream_seconds = self._last
            in_order = last + timedelta(seconds=stream_seconds - last_stream_seconds)
            if in_order - _MOST_SET_BACK <= told < in_order:
                told = in_order
        self._last = told, stream_seconds
        return told
