"""Repairs timestamps and divides a run into epochs. Pure: no I/O, no clock of its own.

What comes in is what containers and encoders really send: missing or backward dts, counters that wrap at 33 bits (MPEG-TS)
or 31 (FLV), restarts at zero or hours away, sound that jumps before the picture does. What goes out is, per epoch, one
timeline that starts with a video keyframe at zero, on which per kind dts rises strictly and dts <= pts.

    raw video  100 101 102 | 9000 9001 …      a jump of the picture by more than ``max_gap_seconds``, or back by more than
    epoch       0   1   2  |   0    1  …      ``MAX_BACKWARD_SECONDS``, begins a new epoch at its next keyframe

The picture leads. Sound that jumps is held until the picture jumps too, or until it jumps back; where neither happens within
``FOLLOW_SECONDS``, it is set back to where the picture is. Without picture the sound leads. Where one kind pauses and comes back
to where the other has gone on, that is a hole, not a jump. Sound that drifts away from a live picture is led back (``drift``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from stream_processor.receiving.drift import Drift
from stream_processor.receiving.timestamps import Line, Track, known
from stream_processor.records import Epoch, Kind, Media, Packet, RawPacket

MAX_BACKWARD_SECONDS = 1.0
"""Timestamps that step back by less are an encoder's slip and are pushed forward; more is a restart."""

FOLLOW_SECONDS = 3.0
"""How long, in picture time, sound that jumped waits for the picture to jump too."""

VIDEO_WAIT_SECONDS = 10.0
"""How much sound is kept back for the first keyframe; after that the epoch begins with sound alone."""

MOST_HELD = 1000
"""How many packets of sound are kept back, whatever their timestamps say."""


@dataclass
class _Open:
    """The epoch that packets go into. Seconds are epoch time, None as long as there is none of that kind."""

    epoch: Epoch
    zero: Fraction
    sound_is_old: bool
    """The picture has jumped and the sound not yet: what still comes of it belongs to the epoch before."""
    lines: dict[Kind, Line] = field(default_factory=dict)
    video_seconds: float | None = None
    sound_seconds: float | None = None

    def line(self, raw: RawPacket) -> Line:
        return self.lines.get(raw.kind) or Line(round(self.zero / raw.time_base))


class Timeline:
    """One channel's run. ``live``: between epochs stream time advances by the monotonic gap; a file's does not.

    ``utc_at(stream_seconds, arrived_at)`` tells when, in UTC, an epoch's first frame was: wall clock for live streams,
    the recording's own date for files.
    """

    def __init__(self, *, live: bool, max_gap_seconds: float, utc_at: Callable[[float, float], datetime]) -> None:
        self.live = live
        """May be changed between two parts."""
        self._max_gap_seconds = max_gap_seconds
        self._utc_at = utc_at
        self._number = 0
        self._end_seconds = 0.0  # of all that was written, in stream time
        self._last_arrival = 0.0
        self._media: Media | None = None
        self._tracks: dict[Kind, Track] = {}
        self._drift = Drift()
        self._open: _Open | None = None
        self._starting = True
        self._held: list[RawPacket] = []  # one unbroken run of sound whose place is not known yet
        self._held_at = 0.0  # where it belongs if nothing better turns up, in epoch time

    def begin_part(self, media: Media) -> None:
        """What follows comes from a new demuxer: a new epoch, whatever its timestamps say."""
        self._media = media
        self._tracks = {}
        self._drift = Drift()
        self._open = None
        self._starting = True
        self._held = []

    def push(self, raw: RawPacket) -> Iterator[Epoch | Packet]:
        """Yield the packet as it stands on its epoch's timeline, after the Epoch itself where it begins one.

        Nothing is yielded for what cannot be used: picture before the first keyframe, sound from before it.
        """
        assert self._media is not None, "begin_part comes first"
        leads = raw.kind == "video" or self._media.video is None
        track = self._tracks.setdefault(raw.kind, Track())
        other = self._tracks.get("audio" if raw.kind == "video" else "video")
        raw = track.believe(raw)
        if not leads and raw.pts is None and raw.dts is None and track.last_dts is None and other is None:
            return  # sound without any timestamp: nothing says where it belongs
        raw = track.repair(raw, other)
        gap_seconds = track.gap_seconds(raw)
        track.advance(raw)
        if leads:
            yield from self._lead(raw, gap_seconds)
        else:
            yield from self._follow(self._drift.correct(raw), self._is_jump(gap_seconds))

    def end_part(self) -> Iterator[Epoch | Packet]:
        """The part is over: give out what was still held back."""
        if self._held:
            yield from self._start_with_sound() if self._starting else self._set_back()

    # ---- the kind that leads -----------------------------------------------------------------------------------------

    def _lead(self, raw: RawPacket, gap_seconds: float) -> Iterator[Epoch | Packet]:
        state = self._open
        if state is not None and not self._starting:
            if raw.kind == "video" and state.video_seconds is None:  # so far the epoch had sound alone
                self._starting = _distance(state.line(raw).seconds(raw), state.sound_seconds) > self._max_gap_seconds
            else:
                self._starting = self._is_jump(gap_seconds) and not (gap_seconds > 0 and self._sound_went_on(raw))
        if not self._starting:
            yield from self._write(raw)
            if self._held and self._waited_long_enough():
                yield from self._set_back()
        elif raw.kind == "audio" or raw.is_key:
            yield from self._start(raw)

    def _sound_went_on(self, raw: RawPacket) -> bool:
        """The picture paused, and the sound ran on to where it comes back: a hole, not a jump."""
        state = self._open
        if state is None or raw.kind == "audio" or self._held:
            return False
        return _distance(state.line(raw).seconds(raw), state.sound_seconds) <= FOLLOW_SECONDS

    def _start(self, first: RawPacket) -> Iterator[Epoch | Packet]:
        """Begin an epoch at ``first``, and give out the held sound that belongs to it."""
        assert self._media is not None
        held, self._held = self._held, []
        zero = known(first.pts) * first.time_base
        start_seconds = self._next_start_seconds(first)
        epoch = Epoch(self._number, start_seconds, self._utc_at(start_seconds, first.arrived_at), float(zero), self._media)
        sound_is_old = self._open is not None and not held and "audio" in self._tracks
        self._number += 1
        self._open = _Open(epoch, zero, sound_is_old)
        self._starting = False
        yield epoch
        yield from self._write(first)
        for sound in held:
            if first.kind == "audio" or abs(self._open.line(sound).seconds(sound)) <= self._max_gap_seconds:
                yield from self._write(sound)

    def _start_with_sound(self) -> Iterator[Epoch | Packet]:
        first, *self._held = self._held
        yield from self._start(first)

    def _next_start_seconds(self, first: RawPacket) -> float:
        if not self.live or self._number == 0:
            return self._end_seconds
        return self._end_seconds + max(0.0, first.arrived_at - self._last_arrival)

    # ---- sound that follows the picture ------------------------------------------------------------------------------

    def _follow(self, raw: RawPacket, jumped: bool) -> Iterator[Epoch | Packet]:
        if self._open is not None and self._fits(self._open, raw, jumped):
            self._held = []
            yield from self._write(raw)
            return
        if jumped:
            self._held = []
        if not self._held:
            self._held_at = self._resume_seconds()
        self._held.append(raw)
        if self._starting and self._held_enough():
            yield from self._start_with_sound()
        elif not self._starting and self._waited_long_enough():
            yield from self._set_back()

    def _fits(self, state: _Open, raw: RawPacket, jumped: bool) -> bool:
        """Does the sound go on where the epoch's sound was, or begin where its picture is?"""
        if self._held and not jumped:
            return False  # it goes on where the held sound went
        here = state.line(raw).seconds(raw)
        if state.sound_seconds is None:
            if self._starting or (state.sound_is_old and not jumped):
                return False
            return _distance(here, state.video_seconds) <= self._max_gap_seconds
        if not jumped or not self._is_jump(here - state.sound_seconds):
            return True
        it_paused = here > state.sound_seconds and _distance(here, state.video_seconds) <= FOLLOW_SECONDS
        return it_paused and not self._starting

    def _resume_seconds(self) -> float:
        """Where held sound should begin: right after the sound before it or, where that has long ended, at the picture."""
        state = self._open
        if state is None:
            return 0.0
        after = _after(state.lines.get("audio"), self._tracks["audio"])
        if state.video_seconds is None or (after is not None and _distance(after, state.video_seconds) <= FOLLOW_SECONDS):
            return after or 0.0
        return state.video_seconds

    def _waited_long_enough(self) -> bool:
        assert self._open is not None
        video_seconds = self._open.video_seconds
        return self._held_enough() or (video_seconds is not None and video_seconds - self._held_at > FOLLOW_SECONDS)

    def _held_enough(self) -> bool:
        first, last = self._held[0], self._held[-1]
        held_seconds = float((known(last.dts) - known(first.dts)) * last.time_base)
        return held_seconds > VIDEO_WAIT_SECONDS or len(self._held) >= MOST_HELD

    def _set_back(self) -> Iterator[Packet]:
        """The picture did not jump: lay the held sound where the picture was when the sound jumped."""
        assert self._open is not None
        held, self._held = self._held, []
        first = held[0]
        line = self._open.lines.setdefault("audio", self._open.line(first))
        if line.last_dts is not None or _distance(line.seconds(first), self._held_at) > FOLLOW_SECONDS:
            line.zero = known(first.pts) - round(Fraction(self._held_at) / first.time_base)
            self._drift.relaid()
        for sound in held:
            yield from self._write(sound)

    # ---- both --------------------------------------------------------------------------------------------------------

    def _is_jump(self, gap_seconds: float) -> bool:
        return gap_seconds > self._max_gap_seconds or gap_seconds < -MAX_BACKWARD_SECONDS

    def _write(self, raw: RawPacket) -> Iterator[Packet]:
        state = self._open
        assert state is not None
        line = state.line(raw)
        is_first = line.last_dts is None
        if known(raw.pts) < line.zero and (is_first or raw.kind == "video"):
            return  # sound from before the first frame, or pictures that refer to before it (an open GOP)
        if raw.kind == "video" and is_first and not raw.is_key:
            return  # the epoch began with sound
        state.lines[raw.kind] = line
        packet = line.write(raw, state.epoch.number)
        if packet.kind == "video":
            state.video_seconds = packet.seconds
        else:
            state.sound_seconds = packet.seconds
            if self.live and state.video_seconds is not None:  # a recording's timestamps are taken at their word
                self._drift.saw(packet.seconds, state.video_seconds)
        end_seconds = min(packet.end_seconds, packet.seconds + self._max_gap_seconds)  # durations may be anything
        self._end_seconds = max(self._end_seconds, state.epoch.start_seconds + end_seconds)
        self._last_arrival = raw.arrived_at
        yield packet


def _distance(seconds: float, other_seconds: float | None) -> float:
    """From one kind to the other; endless where there is no other."""
    return float("inf") if other_seconds is None else abs(seconds - other_seconds)


def _after(line: Line | None, track: Track) -> float | None:
    """Where a line's next packet is due, in epoch time."""
    return None if line is None or line.last_dts is None else float((line.last_dts + track.step) * track.time_base)
