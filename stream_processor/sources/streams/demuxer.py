"""One unbroken part as packets: out of one file, or out of a video and an audio file that share one clock."""

import heapq
import threading
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import cast

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from stream_processor.demux import AvDemuxer, open_container
from stream_processor.errors import SourceEnded, SourceError, SourceUnusable
from stream_processor.receiving.templates import Codecs, codecs_of
from stream_processor.records import Kind, Media, RawPacket, replace
from stream_processor.redact import redact
from stream_processor.sources.streams.parts import PartFile


class PartDemuxer:
    """A Demuxer over one or two ``PartFile``: with two, the video of the first and the audio of the second, merged by DTS.

    ``name`` is for messages. SourceUnusable: what should be in there is not. SourceError: it was lost while it was opened.
    """

    def __init__(self, files: Sequence[PartFile], *, name: str) -> None:
        self._files = files
        self._lock = threading.Lock()  # a container must not be closed while another thread reads from it
        self._closed = False
        self._inner: list[AvDemuxer] = []
        try:
            containers: list[InputContainer] = []
            for file in files:
                containers.append(open_container(file, name=name))
                self._inner.append(AvDemuxer(containers[-1], name=name))
            self.media, self.codecs = self._join(containers, name)
        except SourceError as error:
            self._close_inner()
            if isinstance(error, SourceEnded):  # of this part, not of the stream
                error = SourceUnusable(f"{redact(name)}: nothing in it")
            raise _first_error(files) or error from None
        # Where it was lost meanwhile, what came until then is delivered all the same, and ``packets`` says so at its end.

    def packets(self) -> Iterator[RawPacket]:
        with self._lock:
            if self._closed:
                return
            try:
                yield from self._packets()
                if (lost := _first_error(self._files)) is not None:
                    raise lost
            finally:
                self._closed = True
                self._close_inner()

    def close(self) -> None:
        """A thread that reads finds the part ended, and closes the containers itself."""
        for file in self._files:
            file.end()
        if self._lock.acquire(blocking=False):
            self._closed = True
            self._close_inner()
            self._lock.release()

    def _close_inner(self) -> None:
        for demuxer in self._inner:
            demuxer.close()

    def _join(self, containers: Sequence[InputContainer], name: str) -> tuple[Media, Codecs]:
        if len(self._inner) == 1:
            return self._inner[0].media, self._inner[0].codecs
        picture, sound = self._inner
        if picture.media.video is None or sound.media.audio is None:
            raise SourceUnusable(f"{redact(name)}: no video in the one rendition, or no audio in the other")
        media = Media(container=picture.media.container, video=picture.media.video, audio=sound.media.audio)
        video, audio = containers[0].streams.best("video"), containers[1].streams.best("audio")
        return media, codecs_of(cast(VideoStream, video), cast(AudioStream, audio))

    def _packets(self) -> Iterator[RawPacket]:
        if len(self._inner) == 1:
            return self._inner[0].packets()
        video, audio = (
            _on_clock(demuxer.packets(), kind, file.start_seconds or 0.0)
            for demuxer, kind, file in zip(self._inner, _KINDS, self._files, strict=True)
        )
        return (packet for _, packet in heapq.merge(video, audio, key=itemgetter(0)))


_KINDS: tuple[Kind, Kind] = ("video", "audio")


def _on_clock(packets: Iterable[RawPacket], kind: Kind, start_seconds: float) -> Iterator[tuple[float, RawPacket]]:
    """Decoding time in seconds and packet, of one kind, put on a clock on which the part begins at ``start_seconds``."""
    seconds = start_seconds
    for packet in packets:
        if packet.kind != kind:
            continue
        shift = round(start_seconds / packet.time_base)
        if packet.dts is not None:
            seconds = float((packet.dts + shift) * packet.time_base)
        yield seconds, _shifted(packet, shift) if shift else packet


def _shifted(packet: RawPacket, ticks: int) -> RawPacket:
    return replace(
        packet,
        pts=None if packet.pts is None else packet.pts + ticks,
        dts=None if packet.dts is None else packet.dts + ticks,
    )


def _first_error(files: Iterable[PartFile]) -> Exception | None:
    return next((file.error for file in files if file.error is not None), None)
