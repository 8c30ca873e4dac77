"""From a spool to the finished clip file and its picture.

``copy`` takes the packets as they came (source quality, the start snapped back to a keyframe); ``exact`` encodes the picture
again (libx264, crf 18, veryfast) from the very frame, and copies the sound where MP4 can hold it. A codec that MP4 cannot hold
goes to Matroska; one that Matroska cannot hold either is encoded. Everything is written under a temporary name, synced, and
renamed; the sidecar comes last, so that a reader who sees it has the whole.
"""

import errno
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import av.error

from stream_processor.errors import ClipImpossible, ClipWriteError
from stream_processor.records import Clip, Kind
from stream_processor.spool import SpooledPacket, SpoolReader, Times

_PICTURE_QUALITY = 90
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOENT, errno.EMFILE}
"""What may be otherwise a little later. All else is the media's fault, and another way of writing is tried."""


@dataclass(frozen=True)
class _Way:
    """One way of writing a clip."""

    muxer: str
    suffix: str
    options: dict[str, str]
    cut: Literal["copy", "exact"] = "copy"


_CONTAINERS = (_Way("mp4", ".mp4", {"movflags": "+faststart"}), _Way("matroska", ".mkv", {}))


@dataclass(frozen=True)
class CutJob:
    """A closed highlight's spool, and what to make of it. Seconds are epoch time; ``start_stream_seconds`` is the epoch's start.

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


class FfmpegCutter:
    """The cutter of the first release. Errors of the disk or of FFmpeg come out as ClipWriteError; nothing half is left."""

    def cut(self, job: CutJob) -> Clip:
        """Write the clip and its picture; blocking. ClipImpossible: no way of writing it works."""
        failures: list[str] = []
        for way in _ways(job):
            with SpoolReader(job.spool, job.times) as spool:  # anew for each way: muxing changes the packets
                try:
                    return self._write(spool, way, job)
                except (av.error.FFmpegError, OSError) as error:
                    reason = str(getattr(error, "strerror", None) or error)
                    if error.errno in _DISK:
                        raise ClipWriteError(f"{job.stem.name}: {reason}") from error
                    failures.append(f"{way.cut} to {way.muxer}: {reason}")
        raise ClipImpossible(f"{job.stem.name}: {'; '.join(failures)}")

    def _write(self, spool: SpoolReader, way: "_Way", job: CutJob) -> Clip:
        base_seconds, cut = spool.base_seconds, way.cut
        packets = _until(spool.packets(), job.end_seconds - base_seconds, has_video="video" in spool.streams)
        if not packets:
            raise ClipImpossible(f"{job.spool.name}: no packets in it")
        target = job.stem.with_suffix(way.suffix)
        part = target.with_name(f".{target.name}.part")
        try:
            output = av.open(str(part), "w", format=way.muxer, options=way.options)
            try:
                if cut == "copy":
                    start, duration = _copy(spool, packets, output)
                else:
                    start, duration = _encode(
                        spool, packets, output, job.start_seconds - base_seconds, job.end_seconds - base_seconds
                    )
            finally:
                output.close()
            publish(part, target)
        finally:
            part.unlink(missing_ok=True)
        video, audio = spool.streams.get("video"), spool.streams.get("audio")
        picture = write_picture(target, job.peak_seconds - base_seconds - start) if video is not None else None
        rate = video.average_rate if video is not None else None
        return Clip(
            filename=target.name,
            start_seconds=job.epoch_start_seconds + base_seconds + start,
            duration_seconds=duration,
            codec=("h264" if cut == "exact" else video.codec_context.name) if video is not None else None,
            width=video.codec_context.width if video is not None else None,
            height=video.codec_context.height if video is not None else None,
            fps=float(rate) if rate else None,
            audio=audio.codec_context.name if audio is not None else None,
            cut=cut,
            picture=picture.name if picture is not None else None,
        )


# ---- which packets ---------------------------------------------------------------------------------------------------


def _until(packets: Iterable[SpooledPacket], end_seconds: float, *, has_video: bool) -> list[SpooledPacket]:
    """The packets that show [0, end): no frame is left out that one of them refers to.

    In decoding order the picture stops at the first place at or after ``end`` where all that was taken is shown before all
    that was not, so that the last frames are whole also with B-frames.
    """
    everything = [item for item in packets if item.packet.pts is not None]
    pictures = [item for item in everything if item.kind == "video"]
    keep = len(pictures)
    last_inside = max((index for index, item in enumerate(pictures) if _seconds(item) < end_seconds), default=-1)
    earliest_after = float("inf")
    for index in range(len(pictures) - 1, last_inside, -1):
        if max((_seconds(item) for item in pictures[max(0, index - 32) : index]), default=-1.0) < min(
            earliest_after, _seconds(pictures[index])
        ):
            keep = index
        earliest_after = min(earliest_after, _seconds(pictures[index]))
    taken = {id(item) for item in pictures[:keep]}
    stop_seconds = max((_seconds(item) for item in pictures[:keep]), default=end_seconds) if has_video else end_seconds
    return [item for item in everything if (id(item) in taken if item.kind == "video" else _seconds(item) < stop_seconds)]


def _seconds(item: SpooledPacket) -> float:
    return float(item.packet.pts * item.packet.time_base)


# ---- writing ---------------------------------------------------------------------------------------------------------


def _ways(job: CutJob) -> list[_Way]:
    """How the clip can be written, the best way first: as it is to MP4 or Matroska, or else the picture encoded anew."""
    with SpoolReader(job.spool) as spool:
        copied = [way for way in _CONTAINERS if all(_holds(way.muxer, stream) for stream in spool.streams.values())]
        if "video" not in spool.streams:
            return copied
        sound = spool.streams.get("audio")  # a new picture fits anywhere: the sound decides
        encoded = [replace(way, cut="exact") for way in _CONTAINERS if sound is None or _holds(way.muxer, sound)]
    encoded = encoded or [replace(_CONTAINERS[0], cut="exact")]
    return encoded if job.cut == "exact" else [*copied, *encoded]


_NOT_IN_MP4 = {"vorbis", "vp8", "theora", "wmav2", "wmv3"}
"""FFmpeg would write some of these into MP4, but players do not read them there."""


def _holds(muxer: str, stream: Any) -> bool:
    if muxer == "mp4" and (stream.codec_context.name in _NOT_IN_MP4 or stream.codec_context.name.startswith("pcm_")):
        return False
    with av.open(os.devnull, "w", format=muxer) as probe:
        try:
            probe.add_stream_from_template(stream, opaque=True)
        except ValueError:
            return False
    return True


def _copy(spool: SpoolReader, packets: Sequence[SpooledPacket], output: Any) -> tuple[float, float]:
    """Mux the packets as they are. Returns where the clip starts, in spool seconds, and its duration."""
    streams = {kind: output.add_stream_from_template(stream, opaque=True) for kind, stream in spool.streams.items()}
    if output.format.name == "mp4" and "video" in streams and spool.streams["video"].codec_context.name == "hevc":
        streams["video"].codec_context.codec_tag = "hvc1"  # what Apple's players ask for
    for kind, stream in streams.items():  # a coarser clock would give two packets one timestamp
        stream.time_base = next((item.packet.time_base for item in packets if item.kind == kind), stream.time_base)
    end = 0.0
    for item in packets:
        item.packet.stream = streams[item.kind]
        end = max(end, float((item.packet.pts + (item.packet.duration or 0)) * item.packet.time_base))
        output.mux(item.packet)
    return 0.0, end


def _encode(
    spool: SpoolReader, packets: Sequence[SpooledPacket], output: Any, start_seconds: float, end_seconds: float
) -> tuple[float, float]:
    """Decode from the keyframe, encode [start, end) anew, copy the sound. Same return as ``_copy``, to the frame."""
    source = spool.streams["video"]
    context = source.codec_context
    picture = output.add_stream("libx264", rate=source.average_rate or 30, options={"crf": "18", "preset": "veryfast"})
    picture.width, picture.height = context.width // 2 * 2, context.height // 2 * 2
    picture.pix_fmt = "yuv420p"
    sound = spool.streams.get("audio")
    copied = (
        output.add_stream_from_template(sound, opaque=True) if sound is not None and _holds(output.format.name, sound) else None
    )
    first: Fraction | None = None
    end = 0.0
    video = [item.packet for item in packets if item.kind == "video"]
    time_base = video[0].time_base
    picture.codec_context.time_base = time_base
    for frame in _frames(context, video):
        seconds = frame.pts * time_base
        if seconds < Fraction(start_seconds) - Fraction(1, 1000) or seconds >= end_seconds:
            continue
        first = seconds if first is None else first
        frame.pts = round((seconds - first) / time_base)
        frame.time_base = time_base
        frame.pict_type = 0
        output.mux(picture.encode(frame))
        end = max(end, float(seconds - first) + 1 / float(source.average_rate or 30))
    output.mux(picture.encode(None))
    if first is None:
        raise ClipImpossible("no picture could be decoded between the clip's start and end")
    if copied is not None:
        for item in packets:
            if item.kind == "audio" and first <= item.packet.pts * item.packet.time_base < end_seconds:
                shift = round(first / item.packet.time_base)
                item.packet.pts, item.packet.dts = item.packet.pts - shift, item.packet.dts - shift
                item.packet.stream = copied
                output.mux(item.packet)
    return float(first), end


def _frames(context: Any, packets: Sequence[Any]) -> Iterable[Any]:
    for packet in [*packets, None]:
        try:
            frames = context.decode(packet)
        except av.error.InvalidDataError:
            continue
        yield from (frame for frame in frames if frame.pts is not None)


# ---- files -----------------------------------------------------------------------------------------------------------


def write_picture(clip: Path, seconds: float) -> Path | None:
    """A JPEG beside the clip of its frame at ``seconds``; None where no frame can be decoded."""
    with av.open(str(clip), "r") as container:
        stream = container.streams.video[0]
        best = None
        if seconds > 1.0 and stream.time_base:
            container.seek(int(seconds / stream.time_base), stream=stream)
        try:
            for frame in container.decode(stream):
                best = frame
                if frame.time is not None and frame.time >= seconds:
                    break
        except av.error.FFmpegError:
            pass
        if best is None:
            return None
        image: Any = best.to_image()  # type: ignore[no-untyped-call]
    if best.rotation:
        image = image.rotate(best.rotation, expand=True)
    target = clip.with_suffix(".jpg")
    part = target.with_name(f".{target.name}.part")
    try:
        image.convert("RGB").save(part, "JPEG", quality=_PICTURE_QUALITY)
        publish(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target


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
