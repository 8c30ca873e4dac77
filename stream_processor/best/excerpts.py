"""The packets of one clip out of its video file, on the very timeline on which the video was scored.

::

    file      K · · · · K · · · · K · · · · K          K: keyframe
    clip                    ├──────┤
    read                K · · · · K · · |              from a keyframe before it, until picture and sound are past its end

A file that is one unbroken stretch is entered by seeking; one with jumps is read from its beginning, where ``timeline`` comes
to the same epochs as it did for the scorers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import av
import av.error

from stream_processor.best.records import Stretch, Video
from stream_processor.demux import AvDemuxer, open_container
from stream_processor.errors import ClipImpossible, SourceError
from stream_processor.receiving.part import Part
from stream_processor.receiving.templates import Codecs
from stream_processor.records import Epoch, Media, Packet
from stream_processor.settings import SourceSettings
from stream_processor.timeline import Timeline

_BEFORE_SECONDS = (0.5, 5.0, 30.0)
"""How far before the clip to look for a keyframe: some containers seek to anywhere. The sound needs a little before it, too."""
_LATE_SECONDS = 2.0
"""How much later than its picture a file may hold its sound, and how far apart frames are shown and decoded."""
_LONGEST_LEAD_SECONDS = 60.0
"""So much of a video may be there for decoding only, before the first frame that its edit list shows."""
_SLACK_SECONDS = 1e-3
_FROM_DISK = {"protocol_whitelist": "file,crypto,data"}


@dataclass(frozen=True)
class Begin:
    """What decodes the packets that follow. ``shift_seconds``: packet time plus this is the video's time."""

    codecs: Codecs
    media: Media
    shift_seconds: float


def excerpt(video: Video, start_seconds: float, end_seconds: float, settings: SourceSettings) -> Iterator[Begin | Packet]:
    """First a Begin, then packets in the file's order, all that is needed to show and hear [start, end), in video seconds.

    ClipImpossible: the file is not what it was, or cannot be read any more.
    """
    is_unbroken = len(video.stretches) == 1
    for before_seconds in [*(_BEFORE_SECONDS if is_unbroken else ()), None]:
        has_begun = False
        try:
            for item in _read(video, start_seconds, end_seconds, before_seconds, settings):
                has_begun = True
                yield item
        except (SourceError, av.error.FFmpegError, OSError) as error:
            if before_seconds is None or has_begun:
                raise ClipImpossible(f"{video.path.name}: {getattr(error, 'strerror', None) or error}") from error
        if has_begun:
            return
    raise ClipImpossible(f"{video.path.name}: there is no picture at {start_seconds:.3f} s any more")


def _read(
    video: Video,
    start_seconds: float,
    end_seconds: float,
    before_seconds: float | None,
    settings: SourceSettings,
) -> Iterator[Begin | Packet]:
    """Nothing at all where what is found there begins after the start. ``before_seconds`` None: from the file's beginning."""
    container = open_container(f"file:{video.path}", name=video.path.name, options=_FROM_DISK)
    demuxer = AvDemuxer(container, name=video.path.name)
    try:
        if before_seconds is not None:
            stretch = video.stretch_at(start_seconds)
            wanted_seconds = start_seconds - stretch.start_seconds - before_seconds
            if wanted_seconds > 0:
                demuxer.seek(wanted_seconds + stretch.file_seconds)
        yield from _packets(demuxer, video, start_seconds, end_seconds, before_seconds is not None, settings)
    finally:
        demuxer.close()


def _packets(
    demuxer: AvDemuxer, video: Video, start_seconds: float, end_seconds: float, is_entered: bool, settings: SourceSettings
) -> Iterator[Begin | Packet]:
    stretch = video.stretch_at(start_seconds)
    part = Part(demuxer.media, demuxer.codecs, max_megapixels=settings.max_megapixels)
    timeline = Timeline(live=False, max_gap_seconds=settings.max_part_gap_seconds, utc_at=lambda *_: datetime.now(UTC))
    timeline.begin_part(part.media)
    shift_seconds: float | None = None
    kinds = {"video", *(["audio"] if demuxer.media.audio is not None else [])}
    for raw in demuxer.packets():
        items: list[Epoch | Packet] = []
        if raw.changed is not None:
            items += timeline.end_part()
            part.change(raw.changed)
            timeline.begin_part(part.media)
        if part.admits(raw):
            items += timeline.push(raw)
        for item in items:
            if isinstance(item, Epoch):
                if shift_seconds is not None:
                    return  # no clip crosses it
                begins = stretch.start_seconds + item.source_seconds - stretch.file_seconds
                if is_entered and not stretch.start_seconds - _LONGEST_LEAD_SECONDS <= begins <= start_seconds + _SLACK_SECONDS:
                    return
                if is_entered or _is_of(video, stretch, item, begins):
                    shift_seconds = begins
                    yield Begin(part.codecs, part.media, begins)
            elif shift_seconds is not None:
                yield item
                decoded_seconds = float(item.dts * item.time_base) + shift_seconds
                if decoded_seconds >= end_seconds:
                    kinds.discard(item.kind)
                if not kinds or decoded_seconds >= end_seconds + _LATE_SECONDS:
                    return


def _is_of(video: Video, stretch: Stretch, epoch: Epoch, begins: float) -> bool:
    """Is it the stretch's epoch? It may begin earlier, with frames that an edit list hides, but behind the stretch before it."""
    ends = [one.end_seconds for one in video.stretches if one.start_seconds < stretch.start_seconds]
    is_behind = all(end <= epoch.start_seconds + _SLACK_SECONDS for end in ends)
    return is_behind and abs(begins - epoch.start_seconds) < _SLACK_SECONDS and begins <= stretch.start_seconds + _SLACK_SECONDS


def encoded(packet: Packet | None) -> "av.Packet[Any] | None":
    """As a decoder takes it; None empties the decoder."""
    if packet is None:
        return None
    made: av.Packet[Any] = av.Packet(packet.data)
    made.pts, made.dts, made.duration, made.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
    made.is_keyframe = packet.is_key
    return made
