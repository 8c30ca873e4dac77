"""Repairs timestamps and divides a run into epochs. Pure: no I/O, no clock of its own.

What comes in is what containers and encoders really send: missing or backward dts, counters that wrap at 33 bits (MPEG-TS)
or 32 bits (FLV), restarts at zero or hours away, sound that jumps before the picture does. What goes out is, per epoch, one
timeline that starts with a video keyframe at zero, on which per kind dts rises strictly and dts <= pts.

    raw video  100 101 102 | 9000 9001 …      a jump of the picture by more than ``max_gap_seconds``, or back by more than
    epoch       0   1   2  |   0    1  …      ``MAX_BACKWARD_SECONDS``, begins a new epoch at its next keyframe

The picture leads. Where only the sound jumps and the picture does not follow within ``FOLLOW_SECONDS``, the sound is set back
to where the picture is. Without picture the sound leads.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from stream_processor.records import Epoch, Kind, Media, Packet, RawPacket, replace

MAX_BACKWARD_SECONDS = 1.0
"""Timestamps that step back by less are an encoder's slip and are pushed forward; more is a restart."""

FOLLOW_SECONDS = 3.0
"""How long, in picture time, sound that jumped waits for the picture to jump too."""

VIDEO_WAIT_SECONDS = 10.0
"""How much sound is kept back for the first keyframe; after that the epoch begins with sound alone."""

_WRAPS = {Fraction(1, 90_000): 1 << 33, Fraction(1, 1_000): 1 << 32}


@dataclass
class _Track:
    """One kind's raw timeline within a part."""

    last_dts: int | None = None
    step: int = 1
    wraps: int = 0

    def repair(self, raw: RawPacket) -> RawPacket:
        """The packet with pts and dts filled in and unwrapped; does not advance the track."""
        pts, dts = raw.pts, raw.dts
        if dts is None:
            expected = None if self.last_dts is None else self.last_dts + self.step - self.wraps
            dts = _earliest(pts, expected)
        if pts is None:
            pts = dts
        modulus = _WRAPS.get(raw.time_base)
        if modulus is None or self.last_dts is None:
            return replace(raw, pts=pts, dts=dts)
        dts += self.wraps
        turns = round((self.last_dts - dts) / modulus)
        if turns and abs(self.last_dts - dts) > modulus // 2:
            self.wraps += turns * modulus
            dts += turns * modulus
        pts += round((dts - pts) / modulus) * modulus
        return replace(raw, pts=pts, dts=dts)

    def gap_seconds(self, raw: RawPacket) -> float:
        """How far the (repaired) packet's dts lies from where the track expects it."""
        if self.last_dts is None:
            return 0.0
        return float((_known(raw.dts) - self.last_dts - self.step) * raw.time_base)

    def advance(self, raw: RawPacket) -> None:
        dts = _known(raw.dts)
        if self.last_dts is not None and 0 < dts - self.last_dts < 10 * max(self.step, raw.duration, 1):
            self.step = dts - self.last_dts
        elif raw.duration > 0:
            self.step = raw.duration
        self.last_dts = dts


@dataclass
class _Writer:
    """One kind's repaired timeline within an epoch: raw timestamps less ``zero``, dts strictly rising."""

    zero: int
    last_dts: int | None = None

    def write(self, raw: RawPacket, epoch: int) -> Packet:
        pts, dts = _known(raw.pts) - self.zero, _known(raw.dts) - self.zero
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


@dataclass
class _Open:
    """The epoch that packets go into."""

    epoch: Epoch
    zero: Fraction
    writers: dict[Kind, _Writer] = field(default_factory=dict)
    end_seconds: float = 0.0
    last_arrival: float = 0.0
    video_seconds: float = 0.0
    sound_seconds: float = 0.0


class Timeline:
    """One channel's run. ``live``: between epochs stream time advances by the monotonic gap; a file's does not.

    ``utc_at(stream_seconds, arrived_at)`` tells when, in UTC, an epoch's first frame was: wall clock for live streams,
    the recording's own date for files.
    """

    def __init__(self, *, live: bool, max_gap_seconds: float, utc_at: Callable[[float, float], datetime]) -> None:
        self._live = live
        self._max_gap_seconds = max_gap_seconds
        self._utc_at = utc_at
        self._number = 0
        self._open: _Open | None = None
        self._media: Media | None = None
        self._tracks: dict[Kind, _Track] = {}
        self._held: list[RawPacket] = []  # sound that waits for the picture
        self._starting = True

    def begin_part(self, media: Media) -> None:
        """What follows comes from a new demuxer: a new epoch, whatever its timestamps say."""
        self._media = media
        self._tracks = {}
        self._held = []
        self._starting = True

    def push(self, raw: RawPacket) -> Iterator[Epoch | Packet]:
        """Yield the packet as it stands on its epoch's timeline, after the Epoch itself where it begins one.

        Nothing is yielded for what cannot be used: picture before the first keyframe, sound from before it.
        """
        assert self._media is not None, "begin_part comes first"
        known = raw.kind in self._tracks
        track = self._tracks.setdefault(raw.kind, _Track())
        if raw.pts is None and raw.dts is None and not known and raw.kind == "audio" and self._media.video is not None:
            return  # the very first sound without any timestamp: nothing says where it belongs
        raw = track.repair(raw)
        jumped = self._jumped(track, raw)
        if raw.kind == "video" or self._media.video is None:
            yield from self._lead(track, raw, jumped)
        else:
            yield from self._follow(track, raw, jumped)

    def end_part(self) -> Iterator[Epoch | Packet]:
        """The part is over: give out what was still held back."""
        if self._held and self._starting:
            yield from self._start(self._held[0], lead="audio")
        elif self._held:
            yield from self._set_back()

    # ---- the kind that leads -----------------------------------------------------------------------------------------

    def _lead(self, track: _Track, raw: RawPacket, jumped: bool) -> Iterator[Epoch | Packet]:
        track.advance(raw)
        if jumped and not self._sound_went_on(raw):
            self._starting = True
        if self._starting:
            if raw.kind == "video" and not raw.is_key:
                return
            yield from self._start(raw, lead=raw.kind)
            return
        yield from self._write(raw)
        if self._held and self._waited_long_enough():
            yield from self._set_back()

    def _sound_went_on(self, raw: RawPacket) -> bool:
        """The picture paused, and the sound ran on to where it comes back: a hole, not a jump."""
        sound = self._open.writers.get("audio") if self._open is not None else None
        if sound is None or sound.last_dts is None or self._held or raw.kind == "audio":
            return False
        assert self._open is not None
        here = float(_known(raw.dts) * raw.time_base - self._open.zero)
        return abs(here - self._open.sound_seconds) <= FOLLOW_SECONDS

    def _start(self, raw: RawPacket, lead: Kind) -> Iterator[Epoch | Packet]:
        """Begin an epoch at ``raw``, and give out the held sound that belongs to it."""
        assert self._media is not None
        zero = _known(raw.pts) * raw.time_base
        start_seconds = self._next_start_seconds(raw)
        epoch = Epoch(self._number, start_seconds, self._utc_at(start_seconds, raw.arrived_at), float(zero), self._media)
        self._number += 1
        self._open = _Open(epoch, zero, last_arrival=raw.arrived_at)
        self._starting = False
        yield epoch
        held, self._held = self._held, []
        if lead == "video":
            yield from self._write(raw)
        for sound in held:
            if abs(float(_known(sound.dts) * sound.time_base - zero)) <= self._max_gap_seconds:
                yield from self._write(sound)
            else:
                self._held.append(sound)
        if lead == "audio" and raw not in held:
            yield from self._write(raw)

    def _next_start_seconds(self, raw: RawPacket) -> float:
        if self._open is None:
            return 0.0
        end_seconds = self._open.epoch.start_seconds + self._open.end_seconds
        return end_seconds + max(0.0, raw.arrived_at - self._open.last_arrival) if self._live else end_seconds

    # ---- sound that follows the picture ------------------------------------------------------------------------------

    def _follow(self, track: _Track, raw: RawPacket, jumped: bool) -> Iterator[Epoch | Packet]:
        if self._starting and self._open is not None and not jumped and track.last_dts is not None:
            track.advance(raw)  # the picture has jumped, the sound not yet: it still belongs to the old epoch
            yield from self._write(raw)
            return
        apart = not self._starting and track.last_dts is None and self._apart(raw)
        track.advance(raw)
        if self._starting or jumped or apart or self._held:
            self._held.append(raw)
            if self._starting and self._held_seconds() > VIDEO_WAIT_SECONDS:
                yield from self._start(self._held[0], lead="audio")
            return
        yield from self._write(raw)

    def _apart(self, raw: RawPacket) -> bool:
        """The part's first sound is nowhere near its picture."""
        assert self._open is not None
        here = float(_known(raw.dts) * raw.time_base - self._open.zero)
        return abs(here - self._open.video_seconds) > self._max_gap_seconds

    def _waited_long_enough(self) -> bool:
        assert self._open is not None
        if len(self._held) > 1000:
            return True
        return self._open.video_seconds - self._held_since > FOLLOW_SECONDS

    def _set_back(self) -> Iterator[Packet]:
        """The picture did not jump: lay the held sound where the picture was when the sound jumped."""
        assert self._open is not None
        held, self._held = self._held, []
        first = held[0]
        here = self._open.zero + Fraction(self._held_since)
        writer = self._open.writers.setdefault("audio", _Writer(0))
        writer.zero = _known(first.pts) - round((here - self._open.zero) / first.time_base)
        for sound in held:
            yield from self._write(sound)

    @property
    def _held_since(self) -> float:
        """Where on the epoch's timeline the held sound should begin: right after the sound before it."""
        assert self._open is not None
        writer = self._open.writers.get("audio")
        if writer is None or writer.last_dts is None:
            return 0.0
        return float((writer.last_dts + self._tracks["audio"].step) * self._held[0].time_base)

    def _held_seconds(self) -> float:
        first, last = self._held[0], self._held[-1]
        return float(_known(last.dts) * last.time_base - _known(first.dts) * first.time_base)

    # ---- both --------------------------------------------------------------------------------------------------------

    def _jumped(self, track: _Track, raw: RawPacket) -> bool:
        gap_seconds = track.gap_seconds(raw)
        return gap_seconds > self._max_gap_seconds or gap_seconds < -MAX_BACKWARD_SECONDS

    def _write(self, raw: RawPacket) -> Iterator[Packet]:
        assert self._open is not None
        state = self._open
        writer = state.writers.setdefault(raw.kind, _Writer(round(state.zero / raw.time_base)))
        if writer.last_dts is None and _known(raw.pts) < writer.zero:
            return  # sound from before the first frame, or pictures that refer to before it (an open GOP)
        if raw.kind == "video" and _known(raw.pts) < writer.zero:
            return
        packet = writer.write(raw, state.epoch.number)
        state.end_seconds = max(state.end_seconds, packet.end_seconds)
        state.last_arrival = raw.arrived_at
        if packet.kind == "video":
            state.video_seconds = packet.seconds
        else:
            state.sound_seconds = packet.seconds
        yield packet


def _earliest(pts: int | None, expected: int | None) -> int:
    known = [value for value in (pts, expected) if value is not None]
    return min(known, default=0)


def _known(value: int | None) -> int:
    assert value is not None, "repaired packets carry both timestamps"
    return value
