"""From a spool to the finished clip file.

``copy`` takes the packets as they came (source quality, the start snapped back to the last keyframe before it, wherever the
spool begins); ``exact`` encodes the picture again from the very frame. A codec that MP4 cannot hold goes to Matroska; one that
Matroska cannot hold either is encoded. Everything is written under a temporary name, synced, and renamed; the picture comes after
it (``picture``) and the sidecar last, so that a reader who sees it has the whole.
"""

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Protocol

import av
import av.error

from stream_processor.clipping.encode import PictureEncoder, SoundEncoder
from stream_processor.clipping.excerpt import average_fps, shorten, since, until
from stream_processor.clipping.muxing import DISK_ERRORS, mux
from stream_processor.clipping.spool import SpooledPacket, SpoolReader, Times
from stream_processor.errors import ClipImpossible, ClipWriteError
from stream_processor.receiving.templates import codec_name
from stream_processor.records import Clip, Kind

_Manner = Literal["copy", "encode"]


@dataclass(frozen=True)
class _Way:
    """One way of writing a clip: into which container, and what is copied or encoded."""

    muxer: str
    suffix: str
    options: dict[str, str]
    picture: _Manner = "copy"
    sound: _Manner = "copy"


_CONTAINERS = (_Way("mp4", ".mp4", {"movflags": "+faststart"}), _Way("matroska", ".mkv", {}))


@dataclass(frozen=True)
class CutJob:
    """A closed highlight's spool, and what to make of it. Seconds are epoch time; but ``epoch_start_seconds`` is stream time.

    ``stem`` is the clip's path without its suffix; ``times`` the spool's exact timestamps, or None after a crash.
    """

    spool: Path
    times: dict[Kind, list[Times]] | None
    stem: Path
    start_seconds: float
    end_seconds: float
    peak_seconds: float
    epoch_start_seconds: float
    cut: Literal["copy", "exact"]


class Cutter(Protocol):
    """Makes the clip file out of a spool. ClipWriteError: not now; the spool stays and is tried again.

    ClipImpossible, or any other exception: this highlight has no clip, and the next one is cut all the same.
    """

    def cut(self, job: CutJob) -> Clip: ...


class FfmpegCutter:
    """The cutter of the first release. Errors of the disk or of FFmpeg come out as ClipWriteError; nothing half is left."""

    def cut(self, job: CutJob) -> Clip:
        """Write the clip, without a picture beside it; blocking. ClipImpossible: no way of writing it works."""
        failures: list[str] = []
        for way in _ways(job):
            with SpoolReader(job.spool, job.times) as spool:  # anew for each way: muxing changes the packets
                try:
                    return self._write(spool, way, job)
                except (av.error.FFmpegError, OSError) as error:
                    reason = str(getattr(error, "strerror", None) or error)
                    if error.errno in DISK_ERRORS:  # all else is the media's fault, and another way of writing is tried
                        raise ClipWriteError(f"{job.stem.name}: {reason}") from error
                    failures.append(f"{way.picture} to {way.muxer}: {reason}")
        raise ClipImpossible(f"{job.stem.name}: {'; '.join(failures)}")

    def _write(self, spool: SpoolReader, way: _Way, job: CutJob) -> Clip:
        base_seconds = spool.base_seconds
        start_seconds, end_seconds = job.start_seconds - base_seconds, job.end_seconds - base_seconds
        packets = until(spool.packets(), end_seconds)
        if not packets:
            raise ClipImpossible(f"{job.spool.name}: no packets in it")
        packets, first = since(packets, start_seconds)
        shorten(packets, end_seconds)
        fps = average_fps(packets)
        target = job.stem.with_suffix(way.suffix)
        part = target.with_name(f".{target.name}.part")
        try:
            output = av.open(str(part), "w", format=way.muxer, options=way.options)
            try:
                if way.picture == "encode":
                    first, end = _encode(spool, packets, output, way, start_seconds, end_seconds, fps)
                else:
                    end = _copy(spool, packets, output, way, first)
            finally:
                output.close()
            publish(part, target)
        finally:
            part.unlink(missing_ok=True)
        video, audio = spool.streams.get("video"), spool.streams.get("audio")
        return Clip(
            filename=target.name,
            start_seconds=job.epoch_start_seconds + base_seconds + float(first),
            duration_seconds=end - float(first),
            codec=_codec(video, "h264" if way.picture == "encode" else None),
            width=video.codec_context.width if video is not None else None,
            height=video.codec_context.height if video is not None else None,
            fps=round(float(fps), 3) if fps is not None else None,
            audio=_codec(audio, "aac" if way.sound == "encode" else None),
            cut="exact" if way.picture == "encode" else "copy",
            picture=None,
        )


# ---- writing ---------------------------------------------------------------------------------------------------------


def _ways(job: CutJob) -> Iterator[_Way]:
    """How the clip can be written, the best way first: copied to MP4 or Matroska, else with as little encoded as will do."""
    with SpoolReader(job.spool) as spool:
        held = {kind: [way.muxer for way in _CONTAINERS if _holds(way.muxer, spool.streams[kind])] for kind in spool.streams}
    manners: tuple[_Manner, ...] = ("copy", "encode")
    for picture, sound in itertools.product(manners, repeat=2):
        if (picture == "copy" and job.cut == "exact" and "video" in held) or (picture == "encode" and "video" not in held):
            continue
        if sound == "encode" and "audio" not in held:
            continue
        for way in _CONTAINERS:
            fits = (picture == "encode" or way.muxer in held.get("video", _ANY)) and (
                sound == "encode" or way.muxer in held.get("audio", _ANY)
            )
            if fits:
                yield replace(way, picture=picture, sound=sound)


_ANY = [way.muxer for way in _CONTAINERS]
_NOT_IN_MP4 = {"vorbis", "vp8", "ffv1", "theora", "wmav2", "wmv3"}
"""FFmpeg would write some of these into MP4, but players do not read them there."""


def _holds(muxer: str, stream: Any) -> bool:
    if muxer == "mp4" and (codec_name(stream) in _NOT_IN_MP4 or codec_name(stream).startswith("pcm_")):
        return False
    with av.open(os.devnull, "w", format=muxer) as probe:
        try:
            probe.add_stream_from_template(stream, opaque=True)
        except ValueError:
            return False
    return True


_MOST_DAMAGED = 0.1
"""Of a clip's packets a container may refuse so many; of more it is the container's fault."""


def _copy(spool: SpoolReader, packets: Sequence[SpooledPacket], output: Any, way: _Way, first: Fraction) -> float:
    """Mux the packets as they are, with timestamps less ``first`` (spool seconds). Returns where the clip ends, likewise."""
    copied = {
        kind: output.add_stream_from_template(stream, opaque=True)
        for kind, stream in spool.streams.items()
        if kind == "video" or way.sound == "copy"
    }
    for kind, stream in copied.items():  # a coarser clock would give two packets one timestamp
        stream.time_base = next((item.packet.time_base for item in packets if item.kind == kind), stream.time_base)
    sound = SoundEncoder(output, spool.streams["audio"]) if way.sound == "encode" else None
    end = max(item.end_seconds for item in packets)
    damaged = 0
    for item in packets:
        if item.kind in copied:
            _shift(item.packet, first)
            item.packet.stream = copied[item.kind]
            damage = mux(output, item.packet)
            damaged += damage is not None
            if damage is not None and damaged > _MOST_DAMAGED * len(packets):
                raise damage
        elif sound is not None:
            output.mux(list(sound.push(item.packet, first)))
    if sound is not None:
        output.mux(list(sound.push(None, first)))
    return end


def _shift(packet: Any, first: Fraction) -> None:
    shift = round(first / packet.time_base)
    packet.pts -= shift
    if packet.dts is not None:
        packet.dts -= shift


def _encode(
    spool: SpoolReader,
    packets: Sequence[SpooledPacket],
    output: Any,
    way: _Way,
    start_seconds: float,
    end_seconds: float,
    fps: Fraction | None,
) -> tuple[Fraction, float]:
    """Encode the picture of [start, end). Returns where the clip starts and ends, in spool seconds."""
    rate = (fps or Fraction(30)).limit_denominator(1001)
    picture = PictureEncoder(output, spool.streams["video"], start_seconds=start_seconds, end_seconds=end_seconds, fps=rate)
    source = spool.streams.get("audio")
    copied = output.add_stream_from_template(source, opaque=True) if source is not None and way.sound == "copy" else None
    encoder = SoundEncoder(output, source) if way.sound == "encode" else None
    for packet in [*(item.packet for item in packets if item.kind == "video"), None]:
        output.mux(list(picture.push(packet)))
    if picture.first is None or picture.last is None:
        raise ClipImpossible("no picture could be decoded between the clip's start and end")
    first = picture.first
    for packet in [item.packet for item in packets if item.kind == "audio" and item.seconds < end_seconds]:
        if encoder is not None:
            output.mux(list(encoder.push(packet, first)))
        elif packet.pts * packet.time_base >= first:
            _shift(packet, first)
            packet.stream = copied
            output.mux(packet)
    if encoder is not None:
        output.mux(list(encoder.push(None, first)))
    return first, float(picture.last + 1 / rate)


def _codec(stream: Any, encoded_as: str | None) -> str | None:
    return None if stream is None else encoded_as or codec_name(stream)


# ---- files -----------------------------------------------------------------------------------------------------------


def publish(part: Path, target: Path) -> None:
    """Sync a finished temporary file, give it its final name, and sync the folder."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(target)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
