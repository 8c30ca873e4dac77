"""Which packets of the picture need not be decoded, because no sampled frame comes of them nor refers to them.

First, and wherever the codec tells enough, what nobody can miss: pictures that no other refers to, unless they are sampled,
and what follows the last sampled one before everything begins afresh. What is sampled stays the same to the last bit::

    packets, as they come  I0  P4  B2  b1  b3  P8  B6  b5  b7 … P56 B54 b53 b55 P60 │ I64 …
    sampled                 *           *           *                               │  *
    decoded                I0  P4  B2   b1      P8  B6  b5   …       (kept back)    │ I64 …

Pictures that others refer to are kept back until a sampled one comes that may need them; at an IDR picture they are
dropped. The law behind it is tested: whatever a sampled frame depends on is given out before it, in order.

Second, where the B pictures serve only each other (``mini_gops``) and the others are dense enough for the sampling to stay
even, no B picture at all. Then a sample may be another picture, up to ``MAX_SHIFT`` of a cell later; its pixels and its time
are still exact.

FFmpeg's own ``skip_frame`` drops sampled pictures, too, at every level, and above NONREF it damages others without a word.

Pure: no decoder, no clock.
"""

from collections.abc import Sequence
from fractions import Fraction

from stream_processor.decoding.mini_gops import MiniGops
from stream_processor.decoding.nal import UNKNOWN, Reach, ReachOf
from stream_processor.records import Packet

DOUBT_SECONDS = 2.0
"""So long everything is decoded at the beginning, and after anything went wrong."""

MAX_SHIFT = Fraction(1, 2)
"""Of a cell: so much later than without skipping a sample may lie, so that two are never more than 1.5 cells apart."""

_MOST_CELLS = 64
_MOST_KEPT = 256


class Skipping:
    """One epoch's picture, packet by packet in decoding order. ``rates``: the grids on which it is sampled, in hertz.

    ``reach_of`` None: nothing can be told of this codec, and all is decoded. ``mini_gops`` None: the second step is not taken.
    """

    def __init__(self, rates: Sequence[float], reach_of: ReachOf | None, mini_gops: MiniGops | None = None) -> None:
        self._firsts = [Firsts(rate) for rate in rates]
        self._widest_seconds = MAX_SHIFT / max(Fraction(rate) for rate in rates)
        self._reach_of = reach_of
        self._mini_gops = mini_gops
        self._without_b = False
        self._kept: list[Packet] = []
        self._awaited: list[int] = []  # pts of what was given out and may be sampled, until its frame comes out
        self._sure_from_seconds = DOUBT_SECONDS
        self._newest_seconds = 0.0
        self.skipped = 0
        """Pictures that were not decoded."""

    def push(self, packet: Packet) -> Sequence[Packet]:
        """The packets to decode now, in order."""
        self._newest_seconds = packet.dts * packet.time_base.numerator / packet.time_base.denominator
        is_sure = self._reach_of is not None and self._newest_seconds >= self._sure_from_seconds
        reach, is_b = self._read(packet)
        if is_sure and is_b and self._without_b:
            self.skipped += 1
            return ()
        may_be_first = [firsts.may_be_first(packet.pts, packet.time_base) for firsts in self._firsts]  # each must see all
        is_wanted = any(may_be_first)
        if is_sure and reach.is_fresh:
            self._drop_kept()
        if is_sure and reach.is_alone and not is_wanted:
            self.skipped += 1
            return ()
        self._kept.append(packet)
        if is_sure and not is_wanted and not self._awaited and len(self._kept) < _MOST_KEPT:
            return ()
        if is_wanted:
            self._awaited = [*self._awaited, packet.pts][-_MOST_KEPT:]
        due, self._kept = self._kept, []
        return due

    def came(self, pts: int) -> None:
        """The frame of this time came out. Where one that was to be shown before it is lost, all is decoded for a while."""
        if any(awaited < pts for awaited in self._awaited):
            self.doubt()
        self._awaited = [awaited for awaited in self._awaited if awaited > pts]

    def until(self, dts: int) -> int:
        """No frame that is awaited, nor one of a packet after this dts, is shown before this time (pts)."""
        return min([dts, *self._awaited])

    def doubt(self) -> None:
        """Something went wrong: decode everything for a while."""
        self._sure_from_seconds = max(self._sure_from_seconds, self._newest_seconds + DOUBT_SECONDS)

    def stop(self) -> None:
        """Decode everything from now on."""
        self._sure_from_seconds = float("inf")

    def finish(self) -> None:
        """No more packets come: what was kept back is not needed."""
        self._drop_kept()

    def _read(self, packet: Packet) -> tuple[Reach, bool]:
        """What the packet's header tells, and whether it is a B picture. Decides whether those are needed."""
        if self._reach_of is None:
            return UNKNOWN, False
        reach = self._reach_of(packet.data)
        if self._mini_gops is None:
            return reach, False
        is_b = self._mini_gops.push(packet.pts, packet.data, is_alone=reach.is_alone, is_fresh=reach.is_fresh)
        if self._mini_gops.is_broken:
            if self._without_b:
                self.doubt()
            self._without_b = False
        elif not is_b and (reach.is_fresh or not self._without_b):  # back only where a B picture misses none before it
            is_dense = self._mini_gops.widest * packet.time_base <= self._widest_seconds
            self._without_b = self._mini_gops.are_closed and is_dense
        return reach, is_b

    def _drop_kept(self) -> None:
        self.skipped += len(self._kept)
        self._kept = []


class Firsts:
    """Says which packets may be the first of a cell on a grid, in any order. The cells are those of ``frames.Grid``."""

    def __init__(self, fps: float) -> None:
        self._fps = Fraction(fps).limit_denominator(1000)
        self._first: dict[int, int] = {}  # cell -> lowest pts that has come so far

    def may_be_first(self, pts: int, time_base: Fraction) -> bool:
        """No packet before it lies in the same cell and is shown sooner."""
        cell = pts * time_base.numerator * self._fps.numerator // (time_base.denominator * self._fps.denominator)
        first = self._first.get(cell)
        if first is not None and first <= pts:
            return False
        self._first[cell] = pts
        if len(self._first) > _MOST_CELLS:
            del self._first[min(self._first)]
        return True
