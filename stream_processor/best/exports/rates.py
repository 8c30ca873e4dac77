"""Frame rates and timecodes as editors count them. Pure.

Drop-frame timecode (SMPTE 12M) skips numbers, never frames: at 29.97 fps :00 and :01 of each minute but the tenth, at 59.94
twice as many, so that it stays with the clock.
"""

import re
from fractions import Fraction

STANDARD = (
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(48),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
)
_SAME = 2e-4
"""23.976 and 24 are apart by five times as much."""
_TIMECODE = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)")


def nearest(fps: float | None) -> tuple[Fraction, bool]:
    """The rate in which an editor can count such a video's frames, and whether each of its frames falls on one of these.

    12.5 fps are counted in 25, 10 and 15 in 30, and so on.
    """
    if not fps or fps <= 0:
        return Fraction(30), False
    for rate in STANDARD:
        times = round(float(rate) / fps)
        if times >= 1 and abs(float(rate) / times / fps - 1) < _SAME:
            return rate, True
    return min(STANDARD, key=lambda rate: abs(float(rate) - fps)), False


def is_drop_frame(rate: Fraction) -> bool:
    """As is usual: 29.97 and 59.94 are, 23.976 has none."""
    return rate.denominator == 1001 and rate.numerator in (30000, 60000)


def timecode(frame: int, rate: Fraction, *, drop: bool) -> str:
    """``HH:MM:SS:FF``, or ``HH:MM:SS;FF`` with drop-frame. It begins again after 24 hours."""
    base = round(rate)
    if drop:
        dropped = base // 15
        ten, rest = divmod(frame, base * 600 - 9 * dropped)
        minutes = max(0, (rest - base * 60) // (base * 60 - dropped) + 1) if rest >= base * 60 else 0
        frame += dropped * (9 * ten + minutes)
    seconds, frames = divmod(frame, base)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours % 24:02d}:{minute:02d}:{second:02d}{';' if drop else ':'}{frames:02d}"


def frame_of(text: str, rate: Fraction) -> int | None:
    """The frame that a timecode counts, from 00:00:00:00; None where it is none."""
    found = _TIMECODE.fullmatch(text.strip())
    if found is None:
        return None
    hours, minutes, seconds, frames = (int(found[group]) for group in (1, 2, 3, 5))
    base = round(rate)
    number = (hours * 3600 + minutes * 60 + seconds) * base + frames
    if found[4] != ":" and is_drop_frame(rate):
        all_minutes = hours * 60 + minutes
        number -= base // 15 * (all_minutes - all_minutes // 10)
    return number
