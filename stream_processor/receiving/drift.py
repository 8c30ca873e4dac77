"""Sound whose clock runs slower or faster than the picture's is led back to it, unnoticeably. Pure.

An encoder that stamps picture and sound by two clocks sends together what belongs together, but under timestamps that part::

    arrives together   V0 a0   …  V100 a101   …  V3600 a3636      the sound's clock is one in a hundred fast
    led back           V0 a0   …  V100 a101   …  V3600 a3600

Containers send sound and picture up to a second apart, now more, now less, and that says nothing. So what counts is a slow and
steady change, by more than ``DRIFT_SECONDS`` since the part began; a sudden one is the container's. From then on the
sound's timestamps are stretched so that the distance goes back to what it was, and stays there. What slow changes add up to is
held against where the sound is by now: sudden ones may have taken it back.
"""

from fractions import Fraction

from stream_processor.records import RawPacket, replace

DRIFT_SECONDS = 2.0
"""More than any container's own delay, and less than panes wait for sound."""

MOST_RATE = 0.025
"""Clocks that differ by more are none: what changes faster is taken for sudden."""

_WINDOW_SECONDS = 10.0
_RETURN_RATE = 0.015
_LEARNING = 0.2


class Drift:
    """One part's. ``correct`` each packet of sound before it is laid, then say with ``saw`` where it and the picture are."""

    def __init__(self) -> None:
        self.shift_seconds = 0.0
        """What is added to the sound's timestamps now."""
        self.is_drifting = False
        self._drift = 0.0  # how far the sound has slowly gone from the picture since the part began, before it was shifted
        self._rate = 0.0  # the difference of the clocks, as far as it is known
        self._speed = 0.0  # by which the shift changes, in seconds per second of picture
        self._watched_seconds = 0.0
        self._picture_seconds: float | None = None
        self._begun_at: float | None = None  # the window's, in picture time
        self._least = self._most = 0.0  # distance of sound from picture within it, before it was shifted
        self._middle_before: float | None = None
        self._origin: float | None = None  # the distance that is right

    def relaid(self) -> None:
        """The sound was given another place by something else: whatever its distance is now is right."""
        self._drift = -self.shift_seconds
        self._begun_at = self._middle_before = self._origin = None

    def correct(self, raw: RawPacket) -> RawPacket:
        """The (repaired) packet of sound with its timestamps moved."""
        ticks = round(Fraction(self.shift_seconds) / raw.time_base) if self.shift_seconds else 0
        if not ticks or raw.pts is None or raw.dts is None:
            return raw
        return replace(raw, pts=raw.pts + ticks, dts=raw.dts + ticks)

    def saw(self, sound_seconds: float, picture_seconds: float) -> None:
        """A packet of sound was laid here while the newest picture was there; both in epoch time."""
        before = self._picture_seconds
        if before is None or abs(picture_seconds - before) > _WINDOW_SECONDS:  # another epoch, or a hole
            self._begun_at = None
            before = picture_seconds
        self._picture_seconds = picture_seconds = max(picture_seconds, before)  # pictures do not come in the order of showing
        distance = sound_seconds - picture_seconds - self.shift_seconds
        self.shift_seconds += self._speed * (picture_seconds - before)
        if self._begun_at is None:
            self._begun_at, self._least, self._most = picture_seconds, distance, distance
        self._least, self._most = min(self._least, distance), max(self._most, distance)
        if picture_seconds - self._begun_at >= _WINDOW_SECONDS:
            self._judge(picture_seconds - self._begun_at)
            self._begun_at = None

    def _judge(self, seconds: float) -> None:
        """A window is over. Its middle tells where things were half of it ago; the shift is to be right at the next one's end."""
        middle = (self._least + self._most) / 2
        change = 0.0 if self._middle_before is None else middle - self._middle_before
        self._middle_before = middle
        if abs(change) > MOST_RATE * seconds:
            change = self._rate * seconds  # sudden: the clocks went on as they did
        self._drift += change
        self._watched_seconds += seconds
        if self._origin is None:
            self._origin = middle - self._drift
        away = middle - self._origin
        if not self.is_drifting:
            self.is_drifting = min(abs(self._drift), abs(away)) > DRIFT_SECONDS
            if self.is_drifting:
                self._rate = self._drift / (self._watched_seconds - seconds)
                self._drift += self._rate * seconds / 2  # from the part's beginning to the middle of its first window
        elif abs(self._drift - away) > DRIFT_SECONDS:
            self._drift = away
        if self.is_drifting:
            self._rate += _LEARNING * (change / seconds - self._rate)
            left = self._drift + self._rate * seconds / 2 + self.shift_seconds
            self._speed = -self._rate - max(-_RETURN_RATE, min(_RETURN_RATE, left / _WINDOW_SECONDS))
