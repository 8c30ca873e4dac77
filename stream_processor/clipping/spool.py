"""An open highlight's packets on disk: a Matroska file (NUT for codecs that Matroska refuses) that grows as they come.

A crash loses at most ``FLUSH_SECONDS`` of it. What Matroska rounds away (it keeps presentation times in milliseconds and no
dts) is remembered beside it in memory, and given back while the program that wrote the spool still runs.
"""

import contextlib
import errno
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.container import InputContainer
from av.stream import Stream

from stream_processor.clipping.muxing import DISK_ERRORS, mux
from stream_processor.errors import ClipImpossible, ClipWriteError
from stream_processor.receiving.templates import Template
from stream_processor.records import Kind, Packet

FLUSH_SECONDS = 1.0
"""Clusters are written out at least this often: the recovery point after a crash."""

MOST_EARLY_SECONDS, MOST_EARLY = 10.0, 2000
"""So much sound is kept for its picture to begin, and so many packets of it; then the spool holds the sound alone."""

LATE_SOUND_SECONDS = 3.0
"""How much later than its picture a stream may send its sound, for a clip's sound to reach as far as its picture."""

_SUFFIXES = {"matroska": ".mkv", "nut": ".nut"}
_BASE_TAG = "BASE_SECONDS"
_NEVER_READ = {errno.EIO, errno.ENOENT}
"""What FFmpeg says of a torn head, and of a spool that somebody removed."""


@dataclass(frozen=True, slots=True)
class Times:
    """One packet's exact timestamps, counted by ``time_base`` from the spool's first video frame."""

    pts: int
    dts: int
    duration: int
    time_base: Fraction


class SpoolWriter:
    """Writes one spool. Packets whose codec parameters are the template's, in the ring's order, the first a keyframe."""

    def __init__(self, stem: Path, template: Template) -> None:
        self.path = stem.with_suffix(_SUFFIXES[template.format])
        self.base_seconds: float | None = None
        """Epoch time of the spool's zero, which is its first packet."""
        self.decoded_seconds = float("-inf")
        """Epoch time before which nothing more will be shown: the newest dts of the picture, or of the sound without one."""
        self.times: dict[Kind, list[Times]] = {kind: [] for kind in template.streams}
        self._template = template
        self._container: Any = None
        self._streams: dict[Kind, Stream] = {}
        self._zeros: dict[Kind, int] = {}
        self._early: list[Packet] = []
        self.heard_seconds = float("-inf")
        """Epoch time up to which there is sound."""
        self.damaged = 0
        """Packets that no container takes, left out."""
        self._leads: Kind = "video" if "video" in template.streams else "audio"

    def write(self, packet: Packet) -> None:
        """Append one packet. ClipWriteError: the disk did not take it; the spool is closed then."""
        if self.base_seconds is None:
            if packet.kind != self._leads:
                self._early.append(packet)  # where sound is interleaved ahead of its picture
                if packet.seconds - self._early[0].seconds > MOST_EARLY_SECONDS or len(self._early) >= MOST_EARLY:
                    self._begin_with_sound()
                return
            self._begin(packet)
            self._write_early()
        self._write(packet)

    def has_all_until(self, end_seconds: float) -> bool:
        """Nothing that comes would be shown or heard before this time; sound that has stopped is waited for so long only."""
        if "audio" in self._streams and self.heard_seconds < end_seconds:
            end_seconds += LATE_SOUND_SECONDS
        return self.decoded_seconds >= end_seconds

    @property
    def shortfall(self) -> str | None:
        """What the stream has and the spool lacks, in words."""
        is_mute = self._leads == "audio" and "video" in self._template.streams
        return "its picture is missing: the packet ring held no keyframe" if is_mute else None

    def _begin_with_sound(self) -> None:
        """The picture has stopped, or shows no keyframe: better its sound alone than nothing."""
        self._leads = "audio"
        self._begin(self._early[0])
        self._write_early()

    def _write_early(self) -> None:
        early, self._early = self._early, []
        for sound in early:
            self._write(sound)

    def _write(self, packet: Packet) -> None:
        assert self.base_seconds is not None
        if packet.kind not in self._streams:
            return  # a picture that begins when the sound has already been taken for all there is
        zero = self._zeros.setdefault(packet.kind, round(Fraction(self.base_seconds) / packet.time_base))
        if packet.pts < zero:
            return  # pictures that refer to before the first one (an open GOP), or sound from before it
        encoded = av.Packet(packet.data)
        encoded.time_base = packet.time_base
        encoded.pts, encoded.dts, encoded.duration = packet.pts - zero, packet.dts - zero, packet.duration
        encoded.is_keyframe = packet.is_key
        encoded.stream = self._streams[packet.kind]
        try:
            if mux(self._container, encoded) is not None:
                self.damaged += 1
                return
        except (av.error.FFmpegError, OSError) as error:
            self.close()
            raise ClipWriteError(f"{self.path.name}: {error.strerror or error}") from error
        self.times[packet.kind].append(Times(packet.pts - zero, packet.dts - zero, packet.duration, packet.time_base))
        if packet.kind == self._leads:
            self.decoded_seconds = float(packet.dts * packet.time_base)
        if packet.kind == "audio":
            self.heard_seconds = packet.end_seconds

    def _begin(self, packet: Packet) -> None:
        self.base_seconds = packet.seconds
        self._zeros[packet.kind] = packet.pts
        options = {"cluster_time_limit": str(int(FLUSH_SECONDS * 1000)), "flush_packets": "1"}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._container = av.open(
                str(self.path),
                "w",
                format=self._template.format,
                options=options if self._template.format == "matroska" else {},
            )
            self._container.metadata[_BASE_TAG] = repr(packet.seconds)
            self._streams = {
                kind: self._container.add_stream_from_template(stream, opaque=True)
                for kind, stream in self._template.streams.items()
                if kind == self._leads or self._leads == "video"
            }
        except (av.error.FFmpegError, OSError) as error:
            raise ClipWriteError(f"{self.path.name}: {error.strerror or error}") from error

    def finish(self) -> None:
        """All of it has been written. ClipWriteError: the disk did not take the rest; then it is closed, and lacks its end."""
        if self.base_seconds is None and self._early:
            self._begin_with_sound()
        container, self._container = self._container, None
        if container is not None:
            try:
                container.close()
            except (av.error.FFmpegError, OSError) as error:
                raise ClipWriteError(f"{self.path.name}: {error.strerror or error}") from error

    def close(self) -> None:
        """Leave it at what there is. What cannot be finished is left as a crash would leave it: readable."""
        self._early = []
        with contextlib.suppress(ClipWriteError):
            self.finish()

    def remove(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class SpooledPacket:
    """A packet read back: ``packet`` is an av.Packet of the spool's ``stream``, its timestamps as exact as they are known."""

    kind: Kind
    packet: Any

    @property
    def seconds(self) -> float:
        """Presentation time, counted from the spool's zero."""
        return float(self.packet.pts * self.packet.time_base)

    @property
    def end_seconds(self) -> float:
        return float((self.packet.pts + (self.packet.duration or 0)) * self.packet.time_base)


class SpoolReader:
    """Reads a spool back: ``streams`` serve as templates. Use it as a context; packets die with it.

    ClipImpossible: there is nothing in it that could be read, nor will there be. ClipWriteError: not now.
    """

    def __init__(self, path: Path, times: Mapping[Kind, list[Times]] | None = None) -> None:
        self._path = path
        self._times = times or {}
        try:
            self.container: InputContainer = av.open(str(path), "r")
        except (av.error.FFmpegError, OSError) as error:
            kind = ClipWriteError if error.errno in DISK_ERRORS - _NEVER_READ else ClipImpossible
            raise kind(f"{path.name}: cannot be read back: {error.strerror or error}") from error
        self.streams: dict[Kind, Any] = {}
        for stream in self.container.streams:
            if stream.type == "video":
                self.streams["video"] = stream
            elif stream.type == "audio":
                self.streams["audio"] = stream

    @property
    def base_seconds(self) -> float:
        """Epoch time of the spool's zero."""
        tags = {key.upper(): value for key, value in self.container.metadata.items()}
        return float(tags.get(_BASE_TAG, "0"))

    def packets(self) -> Iterator[SpooledPacket]:
        """All packets in the order in which they were written; a torn end is where it ends."""
        kinds = {stream.index: kind for kind, stream in self.streams.items()}
        left = {kind: iter(times) for kind, times in self._times.items()}
        demuxed = self.container.demux(list(self.streams.values()))
        while True:
            try:
                packet = next(demuxed)
            except (StopIteration, av.error.FFmpegError):
                return
            if packet.size == 0:
                continue
            kind = kinds[packet.stream_index]
            exact = next(left[kind], None) if kind in left else None
            if exact is not None:
                packet.time_base = exact.time_base
                packet.pts, packet.dts, packet.duration = exact.pts, exact.dts, exact.duration
            yield SpooledPacket(kind, packet)

    def __enter__(self) -> "SpoolReader":
        return self

    def __exit__(self, *exc: object) -> None:
        self.container.close()
