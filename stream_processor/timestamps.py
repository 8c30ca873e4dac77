"""One kind's timestamps, made whole: what is missing is filled in, what wrapped is unwrapped, what slipped is pushed forward."""

from dataclasses import dataclass
from fractions import Fraction

from stream_processor.records import Packet, RawPacket, replace

MAX_REORDER_SECONDS = 1.0
"""Where the dts is missing it is counted up, but never further behind the pts than this."""

_WRAPS = {Fraction(1, 90_000): 1 << 33, Fraction(1, 1_000): 1 << 32}
"""Time base -> where its counter wraps: MPEG-TS, FLV."""


@dataclass
class Track:
    """One kind's raw timeline within a part, counted on through wraps. ``step`` is the usual distance between packets."""

    last_dts: int | None = None
    step: int = 1
    time_base: Fraction = Fraction(1)

    def repair(self, raw: RawPacket, other: "Track | None" = None) -> RawPacket:
        """The packet with pts and dts filled in and unwrapped; does not advance the track.

        The first packet has only the ``other`` kind's track to go by.
        """
        near = self.last_dts
        if near is None and other is not None and other.last_dts is not None:
            near = round(other.last_dts * other.time_base / raw.time_base)
        expected = None if self.last_dts is None else self.last_dts + self.step
        dts = _unwrapped(raw.dts, near, raw.time_base)
        pts = _unwrapped(raw.pts, near if dts is None else dts, raw.time_base)
        if dts is None:
            dts = _counted_up(pts, expected, raw.time_base) if pts is not None else expected or near or 0
        return replace(raw, pts=dts if pts is None else pts, dts=dts)

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
        dts = min(dts, pts)
        if self.last_dts is not None and dts <= self.last_dts:
            dts = self.last_dts + 1
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
        )


def known(value: int | None) -> int:
    assert value is not None, "repaired packets carry both timestamps"
    return value


def _unwrapped(value: int | None, near: int | None, time_base: Fraction) -> int | None:
    """The value, whole turns of the counter further, that lies nearest to ``near``."""
    modulus = _WRAPS.get(time_base)
    if value is None or near is None or modulus is None:
        return value
    return value + round((near - value) / modulus) * modulus


def _counted_up(pts: int, expected: int | None, time_base: Fraction) -> int:
    """A dts for a packet that has none: one step on, never after its pts nor far behind it."""
    if expected is None:
        return pts
    return min(pts, max(expected, pts - round(Fraction(MAX_REORDER_SECONDS) / time_base)))
