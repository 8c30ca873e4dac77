"""When a channel that has failed under ``--forever`` begins again: one odd stream, or one bug, must not end it for good.

████ ✗ 1 s ██ ✗ 2 s █ ✗ 4 s … ✗ 5 min ████████████ 10 min and more: all is forgotten ✗ 1 s
"""

import random
import time
from collections.abc import Callable

from stream_processor.errors import GivenUp, JournalError, ScorerError, SettingsError, SourceUnusable

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 300.0
STEADY_SECONDS = 600.0
"""A channel that went well for so long waits no longer than at its first failure."""

_SAME_AGAIN = (SettingsError, ScorerError, JournalError, GivenUp)
"""What would be no different the next time, or is not the channel's own."""


def may_begin_again(error: BaseException, *, is_recording: bool, was_live: bool) -> bool:
    """``is_recording``: the same file would only fail again; ``was_live``: it is not a mistyped address."""
    if not isinstance(error, Exception) or isinstance(error, _SAME_AGAIN) or is_recording:
        return False
    return was_live or not isinstance(error, SourceUnusable)


class Waits:
    """Seconds before the next beginning: doubling, times 0.5 to 1.5 by ``chance`` (0 to 1), lest all channels begin at once."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._chance = chance
        self._began_at = clock()
        self._in_a_row = 0

    def begin(self) -> None:
        self._began_at = self._clock()

    def failed(self) -> float:
        if self._clock() - self._began_at >= STEADY_SECONDS:
            self._in_a_row = 0
        seconds = min(FIRST_WAIT_SECONDS * 2.0 ** min(self._in_a_row, 16), LONGEST_WAIT_SECONDS)
        self._in_a_row += 1
        return seconds * (0.5 + self._chance())
