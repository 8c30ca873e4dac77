"""One kind's timestamps, made whole: what is missing is filled in, what wrapped is unwrapped, what slipped is pushed forward."""

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from stream_processor.records import Packet, RawPacket, replace

MAX_REORDER_SECONDS = 1.0
"""Where the dts is missing it is counted up, but never further behind the pts than this."""

MAX_DELAY_SECONDS = 3
"""A pts that lies further from its dts than this is wrong, or the dts is …"""

_MOST_REORDERED = 17
_LONGEST_DELAY_SECONDS = 30
"""… unless frames are seconds apart, and it is no more of them than H.264 and HEVC may hold back."""

LONGEST_SECONDS = 60.0
"""A packet that is said to last longer is not believed."""

LEAST_STEP_SECONDS = Fraction(1, 1000)
"""What slipped is pushed on by so much: the clocks of MP4 and Matroska would take less for nothing, and refuse it."""

_MOST_ALIKE = 8
"""A dts that comes more often in a row tells nothing any more: the packets are counted up from it by their durations."""

_LARGEST = 1 << 62
"""Timestamps beyond this, either way, are none: FFmpeg counts in 64 bits, and so much room is left for sums."""

_WRAPS = {Fraction(1, 90_000): 1 << 33, Fraction(1, 1_000): 1 << 31}
"""Time base -> where its counter wraps: MPEG-TS, FLV. FLV has 32 bits, of which some encoders (FFmpeg) leave the last one out."""


class _Ticks(NamedTuple):
    """The bounds above, counted by one time base: worked out once, since there are hundreds of packets a second."""

    time_base: Fraction
    longest: int
    usual_delay: int
    longest_delay: int
    turn: int | None

    @classmethod
    def of(cls, time_base: Fraction) -> "_Ticks":
        longest = round(Fraction(LONGEST_SECONDS) / time_base)
        return cls(time_base, longest, MAX_DELAY_SECONDS // time_base, _LONGEST_DELAY_SECONDS // time_base, _WRAPS.get(time_base))


@dataclass
class Track:
    """One kind's raw timeline within a part, counted on through wraps. ``step`` is the usual distance between packets."""

    last_dts: int | None = None
    step: int = 1
    time_base: Fraction = Fraction(1)
    alike: int = 0
    told: int | None = None
    ticks: _Ticks | None = None

    def believe(self, raw: RawPacket) -> RawPacket:
        """The packet without timestamps that cannot be right: too large, or always the same. Each packet comes here once."""
        self.alike, self.told = (self.alike + 1 if raw.dts == self.told else 0), raw.dts
        if raw.dts is not None and self.alike >= _MOST_ALIKE:
            return replace(raw, pts=None, dts=None)
        if _is_possible(raw.pts) and _is_possible(raw.dts):
            return raw
        return replace(raw, pts=raw.pts if _is_possible(raw.pts) else None, dts=raw.dts if _is_possible(raw.dts) else None)

    def repair(self, raw: RawPacket, other: "Track | None" = None) -> RawPacket:
        """The packet with pts and dts filled in and unwrapped, and a duration that can be; does not advance the track.

        The first packet has only the ``other`` kind's track to go by.
        """
        if self.ticks is None or self.ticks.time_base != raw.time_base:
            self.ticks = _Ticks.of(raw.time_base)
        ticks = self.ticks
        near = self.last_dts
        if near is None and other is not None and other.last_dts is not None:
            near = round(other.last_dts * other.time_base / raw.time_base)
        expected = None if self.last_dts is None else self.last_dts + self.step
        dts = _unwrapped(raw.dts, near, ticks.turn)
        pts = _unwrapped(raw.pts, near if dts is None else dts, ticks.turn)
        duration = min(max(raw.duration, 0), ticks.longest)
        if dts is not None and pts is not None and abs(pts - dts) > _longest_delay(max(self.step, duration), ticks):
            pts, dts = (None, dts) if near is None or abs(dts - near) <= abs(pts - near) else (pts, None)
        if dts is None:
            dts = _counted_up(pts, expected, raw.time_base) if pts is not None else expected or near or 0
        return replace(raw, pts=dts if pts is None else pts, dts=dts, duration=duration)

    def gap_seconds(self, raw: RawPacket) -> float:
        """How far the (repaired) packet's dts lies ahead of where the track expects it or, negative, behind the one before it."""
        if self.last_dts is None:
            return 0.0
        dts = known(raw.dts)
        gap = max(dts - self.last_dts - self.step, 0) + min(dts - self.last_dts, 0)
        return gap * raw.time_base.numerator / raw.time_base.denominator

    def advance(self, raw: RawPacket) -> None:
        dts = known(raw.dts)
        if self.last_dts is not None and 0 < dts - self.last_dts < 10 * max(self.step, raw.duration, 1):
            self.step = dts - self.last_dts
        elif raw.duration > 0:
            self.step = raw.duration
        self.last_dts, self.time_base = dts, raw.time_base


@dataclass
class Line:
    """One kind's repaired timeline within an epoch: raw timestamps less ``zero``, dts strictly rising."""

    zero: int
    last_dts: int | None = None

    def seconds(self, raw: RawPacket) -> float:
        """Where the (repaired) packet's dts lies, in epoch time."""
        return (known(raw.dts) - self.zero) * raw.time_base.numerator / raw.time_base.denominator

    def write(self, raw: RawPacket, epoch: int) -> Packet:
        pts, dts = known(raw.pts) - self.zero, known(raw.dts) - self.zero
        if dts > pts:  # the wrong one is the dts: whatever comes next would be pushed along behind it
            dts = pts if self.last_dts is None else min(pts, self.last_dts + max(raw.duration, 1))
        if self.last_dts is not None and dts <= self.last_dts:
            dts = self.last_dts + max(1, round(LEAST_STEP_SECONDS / raw.time_base))
        self.last_dts = dts
        return Packet(
            kind=raw.kind,
            data=raw.data,
            pts=max(pts, dts),
            dts=dts,
            duration=raw.duration,
            time_base=raw.time_base,
            is_key=raw.is_key,
            epoch=epoch,
            arrived_at=raw.arrived_at,
            is_disposable=raw.is_disposable,
            is_hidden=raw.is_hidden,
        )


def known(value: int | None) -> int:
    assert value is not None, "repaired packets carry both timestamps"
    return value


def _longest_delay(step: int, ticks: _Ticks) -> int:
    """How far a pts may lie from its dts, in ticks."""
    return min(max(ticks.usual_delay, _MOST_REORDERED * step), ticks.longest_delay)


def _is_possible(value: int | None) -> bool:
    return value is None or abs(value) < _LARGEST


def _unwrapped(value: int | None, near: int | None, turn: int | None) -> int | None:
    """The value, whole turns of the counter further, that lies nearest to ``near``. ``turn``: None where it does not wrap."""
    if value is None or near is None or turn is None:
        return value
    return value + round((near - value) / turn) * turn


def _counted_up(pts: int, expected: int | None, time_base: Fraction) -> int:
    """A dts for a packet that has none: one step on, never after its pts nor far behind it."""
    if expected is None:
        return pts
    return min(pts, max(expected, pts - round(Fraction(MAX_REORDER_SECONDS) / time_base)))
