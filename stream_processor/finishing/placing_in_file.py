"""A recording's cuts, placed to the frame by reading the file at that place."""

from collections.abc import Iterator
from pathlib import Path

import av.error

from stream_processor.demux import AvDemuxer, open_container
from stream_processor.errors import SourceError
from stream_processor.finishing.placing import Placing
from stream_processor.records import RawPacket

_BACK_SECONDS = (0.0, 3.0, 12.0)
"""Seeking may end behind the keyframe that was meant (an index that lies, a stream without one): then further back."""


def first_frame_after_cut(path: Path, before_seconds: float, after_seconds: float, *, placing: Placing) -> float | None:
    """The time of the first frame behind the strongest cut in (before, after], all in the file's own timestamps, in seconds.

    For ``main best``, whose times count from a video's first frame::

        before, after = video.file_span(before_seconds, after_seconds)
        found = first_frame_after_cut(video.path, before, after, placing=Placing(settings.scene.kind, settings.scene.threshold))
        None if found is None else before_seconds + (found - before)

    Opens the file anew, and takes the picture that ``AvDemuxer`` takes. None: no cut, or the file cannot be read there.
    """
    for back_seconds in _BACK_SECONDS:
        try:
            demuxer = AvDemuxer(open_container(f"file:{path}", name=path.name), name=path.name)
        except SourceError:
            return None
        try:
            if demuxer.codecs.video is None:
                return None
            demuxer.seek(before_seconds - back_seconds)
            watched = _Watched(demuxer.packets(), before_seconds)
            found = placing.first_frame_after_cut(watched, demuxer.codecs.video, before_seconds, after_seconds)
            if found is not None or watched.has_keyframe:
                return found
        except (SourceError, av.error.FFmpegError, OSError):
            return None
        finally:
            demuxer.close()
    return None


class _Watched:
    """Packets as they come; afterwards ``has_keyframe`` says whether there was one to begin with."""

    def __init__(self, packets: Iterator[RawPacket], before_seconds: float) -> None:
        self._packets = packets
        self._before_seconds = before_seconds
        self.has_keyframe = False

    def __iter__(self) -> Iterator[RawPacket]:
        for packet in self._packets:
            self.has_keyframe |= packet.kind == "video" and packet.is_key and (packet.seconds or 0.0) <= self._before_seconds
            yield packet
