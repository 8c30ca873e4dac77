"""Silence: for how long nothing came, in time during which this program itself ran. Pure: times are given.

look   │    │    │    │          (stopped for a minute)           │    │
counts │.25 │.25 │.25 │          at most MOST_COUNTED_SECONDS     │.25 │
"""

MARGIN_SECONDS = 1.0
"""What a source gets beyond its own time-out before the watch steps in: its own words say more of what happened."""
LOOK_SECONDS = 0.25
"""How often the watch looks."""
MOST_COUNTED_SECONDS = 1.0
"""Of the time between two looks: who could not look himself (a closed lid, SIGSTOP, a machine out of breath) cannot blame the
other side for it."""


class Silence:
    """Begins at ``now``. ``limit_seconds`` None: it is never too long. Times are monotonic seconds, and never go back."""

    def __init__(self, limit_seconds: float | None, now: float) -> None:
        self._limit_seconds = limit_seconds
        self._looked_at = now
        self.seconds = 0.0
        """How long it lasted at the last look."""

    def heard(self, now: float) -> None:
        """Something came."""
        self.seconds = 0.0
        self._looked_at = now

    def is_too_long(self, now: float, quiet_until: float = 0.0) -> bool:
        """Look. What lies before ``quiet_until`` is not counted: until then it was right to be silent."""
        passed_seconds = min(max(0.0, now - self._looked_at), MOST_COUNTED_SECONDS)
        self._looked_at = now
        if now < quiet_until:
            self.seconds = 0.0
        else:
            self.seconds += passed_seconds
        return self._limit_seconds is not None and self.seconds >= self._limit_seconds
