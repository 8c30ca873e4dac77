"""When to connect again to a broker that went away, and what to say of it: each trouble once. Pure: times are given.

up    ━━━━━━━┓        ┏━┓ ┏━┓ ┏━┓      ┏━━━━━━━━━━━━━━━━━━━
down         ┗━━━━━━━━┛ ┗━┛ ┗━┛ ┗━━━━━━┛
said         lost     connected     lost (down for a minute) connected
"""

_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0
_STEADY_SECONDS = 60.0
"""A connection that has held so long ends the trouble; one that is away so long is not called connected any more."""
_REMIND_SECONDS = 3600.0


class Reconnecting:
    """Tell it what happens; it answers what to say. ``now``: monotonic seconds."""

    def __init__(self) -> None:
        self._failures = 0
        self._reasons: set[str] = set()
        self._connected_at: float | None = None
        self._lost_at: float | None = None
        self._said_at = 0.0
        self._says_connected = False
        self.times = 0
        """How often it was lost or not reached since that was said last."""

    def connected(self, now: float) -> bool:
        """Whether to say so."""
        self._connected_at = now
        says, self._says_connected = not self._says_connected, True
        return says

    def useful(self) -> None:
        """It took an alert: if it goes now, it is worth trying again at once."""
        self._failures = 0

    def lost(self, reason: str, now: float) -> bool:
        """Or not reached. Whether to say so."""
        if self._connected_at is not None:
            if now - self._connected_at >= _STEADY_SECONDS:
                self._failures = 0
                self._reasons.clear()
            self._connected_at, self._lost_at = None, now
        self._failures += 1
        self.times += 1
        away = self._lost_at is not None and now - self._lost_at >= _STEADY_SECONDS
        is_new = reason not in self._reasons
        if not (is_new or (away and self._says_connected) or now - self._said_at >= _REMIND_SECONDS):
            return False
        self._reasons.add(reason)
        self._said_at, self._says_connected = now, False
        return True

    def said(self) -> int:
        """What ``times`` was; it counts anew from here."""
        times, self.times = self.times, 0
        return times

    def wait_seconds(self, chance: float) -> float:
        """Until the next attempt: doubling from 0.5 s to 30 s, of that at least half, by ``chance`` (0 to 1)."""
        longest = min(_FIRST_WAIT_SECONDS * 2.0 ** min(self._failures - 1, 16), _LONGEST_WAIT_SECONDS)
        return longest * (0.5 + 0.5 * chance)
