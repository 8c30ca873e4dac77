"""How long to wait before the next attempt to connect: each time longer, each channel a little different.

held       ████████ 10 min ✗ at once ██ 3 s ✗ 0.5 s ██ ✗ 1 s ✗ 2 s ✗ 4 s ████████ 30 s and more: all is forgotten ✗ at once
"""

from collections.abc import Callable

FIRST_PAUSE_SECONDS = 0.5
STEADY_SECONDS = 30.0
"""A stream that held for so long is opened again at once when it is lost."""
_DOUBLINGS = 16
"""So often at the most, long after ``most_seconds`` bounds them."""


class Pauses:
    """Seconds to wait. They double up to ``most_seconds``, times 0.5 to 1.5 by ``chance`` (0 to 1), lest all come back at once.

    A first loss costs no wait; a peer that sends a little and then sends us away, again and again, gains nothing by it.
    """

    def __init__(self, most_seconds: float, clock: Callable[[], float], chance: Callable[[], float]) -> None:
        self._most_seconds = most_seconds
        self._clock = clock
        self._chance = chance
        self._attempts = 0
        self._is_first = True
        self._began_at = clock()

    def begin(self) -> None:
        """The stream is there."""
        self._began_at = self._clock()

    def lost(self) -> float:
        """The stream was there, and is gone."""
        if self._clock() - self._began_at >= STEADY_SECONDS:
            self._attempts, self._is_first = 0, True
        if self._is_first:
            self._is_first = False
            return 0.0
        return self.refused()

    def refused(self) -> float:
        """An attempt brought nothing."""
        seconds = min(FIRST_PAUSE_SECONDS * 2.0 ** min(self._attempts, _DOUBLINGS), self._most_seconds)
        self._attempts += 1
        return seconds * (0.5 + self._chance())
