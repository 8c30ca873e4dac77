"""Encoded packets out of a container, by PyAV, and what outlives the container: decoders and a muxing template.

A ``RawPacket`` owns its bytes: nothing here hands out an ``av.Packet``, whose stream dies with its container.
"""

import io
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.error
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from stream_processor.errors import SourceEnded, SourceError, SourceUnusable
from stream_processor.records import AudioFormat, Kind, Media, RawPacket, VideoFormat
from stream_processor.redact import redact

_TEMPLATE_FORMATS = ("matroska", "nut")
"""NUT holds what Matroska refuses (VP6, for one)."""


@dataclass(frozen=True)
class Template:
    """An output that is never written: it keeps codec parameters alive as ``add_stream_from_template`` wants them."""

    container: OutputContainer
    streams: Mapping[Kind, Stream]

    @property
    def format(self) -> str:
        """The container format that holds all of these codecs."""
        return self.container.format.name


@dataclass(frozen=True)
class Codecs:
    """What decodes and muxes a part's packets, also after its container is closed."""

    video: VideoCodecContext | None
    audio: AudioCodecContext | None
    template: Template


def open_container(
    file: Any,
    *,
    name: str,
    format: str | None = None,
    options: Mapping[str, str] | None = None,
    open_timeout_seconds: float | None = None,
    read_timeout_seconds: float | None = None,
) -> InputContainer:
    """Open ``file`` (URL, path or binary file object). SourceError with ``name`` and the reason, one line, redacted."""
    try:
        container: InputContainer = av.open(
            file,
            mode="r",
            format=format,
            options=dict(options or {}),
            timeout=(open_timeout_seconds, read_timeout_seconds),
            metadata_errors="replace",
        )
        return container
    except (av.error.FileNotFoundError, av.error.PermissionError, av.error.IsADirectoryError) as error:
        raise SourceUnusable(f"{redact(name)}: {error.strerror}") from error
    except (av.error.InvalidDataError, av.error.ProtocolNotFoundError, av.error.DemuxerNotFoundError, ValueError) as error:
        raise SourceUnusable(f"{redact(name)}: not a media stream that can be read ({_reason(error)})") from error
    except av.error.EOFError as error:
        raise SourceEnded(f"{redact(name)}: empty") from error
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(f"{redact(name)}: {_reason(error)}") from error


class AvDemuxer:
    """One container as a Demuxer: its best video and its best audio stream; others are skipped.

    ``name`` is for messages. SourceUnusable: the container has neither video nor audio that FFmpeg can decode.
    """

    def __init__(self, container: InputContainer, *, name: str) -> None:
        self._container = container
        self._reading = threading.Lock()  # FFmpeg crashes when a container is closed while another thread reads it
        self._closed = False
        self._name = redact(name)
        video = _usable(container, "video")
        audio = _usable(container, "audio")
        if video is None and audio is None:
            container.close()
            raise SourceUnusable(f"{self._name}: no video or audio stream that can be decoded")
        self._wanted = [stream for stream in (video, audio) if stream is not None]
        self._streams: dict[int, Kind] = {stream.index: stream.type for stream in self._wanted}
        self.skipped: list[str] = [
            f"{stream.type} stream {stream.index}"
            for stream in container.streams
            if stream.type in ("video", "audio") and stream.index not in self._streams
        ]
        self.media = Media(
            container=container.format.name,
            video=_video_format(video) if video is not None else None,
            audio=_audio_format(audio) if audio is not None else None,
        )
        self.codecs = codecs_of(video, audio)
        self.duration_seconds: float | None = container.duration / av.time_base if container.duration else None

    def packets(self) -> Iterator[RawPacket]:
        """See ``contracts.Demuxer``. After ``close`` it ends with the packet that was being read."""
        try:
            for packet in self._until_closed(self._container.demux(self._wanted)):
                if packet.size == 0:
                    continue  # PyAV's end marker
                yield RawPacket(
                    kind=self._streams[packet.stream_index],
                    data=bytes(packet),
                    pts=packet.pts,
                    dts=packet.dts,
                    duration=packet.duration or 0,
                    time_base=packet.time_base or Fraction(1, 1000),
                    is_key=packet.is_keyframe,
                    arrived_at=time.monotonic(),
                    is_disposable=packet.is_disposable,
                    is_corrupt=packet.is_corrupt,
                )
        except av.error.EOFError:
            return
        except (av.error.FFmpegError, OSError) as error:
            if not self._closed:
                raise SourceError(f"{self._name}: {_reason(error)}") from error

    def close(self) -> None:
        """Close at once, or as soon as the read that is under way in another thread returns."""
        self._closed = True
        if self._reading.acquire(blocking=False):
            try:
                self._container.close()
            finally:
                self._reading.release()

    def _until_closed(self, packets: Iterator["Packet[Any]"]) -> Iterator["Packet[Any]"]:
        while True:
            with self._reading:
                try:
                    packet = None if self._closed else next(packets, None)
                finally:
                    if self._closed:
                        self._container.close()
            if packet is None:
                return
            yield packet


def codecs_of(video: VideoStream | None, audio: AudioStream | None) -> Codecs:
    """Decoders and template of one or two streams, which may come from different containers."""
    for muxer in _TEMPLATE_FORMATS:
        container = av.open(io.BytesIO(), "w", format=muxer)
        try:
            streams: dict[Kind, Stream] = {}
            if video is not None:
                streams["video"] = container.add_stream_from_template(video, opaque=True)
            if audio is not None:
                streams["audio"] = container.add_stream_from_template(audio, opaque=True)
        except ValueError:
            continue
        return Codecs(
            video=video.codec_context if video is not None else None,
            audio=audio.codec_context if audio is not None else None,
            template=Template(container, streams),
        )
    raise SourceUnusable("a codec that neither Matroska nor NUT can hold")


def codec_name(stream: Any) -> str:
    """The codec's own name, not that of the decoder in use (libdav1d, mp3float)."""
    return str(stream.codec_context.codec.canonical_name)


def _usable(container: InputContainer, kind: Kind) -> Any:
    """The best stream of a kind that FFmpeg can decode, by its own ranking; cover pictures do not count."""
    best = container.streams.best(kind)
    candidates = [best] if best is not None else []
    candidates += [stream for stream in container.streams if stream.type == kind and stream is not best]
    for stream in candidates:
        context: Any = stream.codec_context
        if context is None or stream.disposition & Disposition.attached_pic:
            continue
        if kind == "video" and context.width and context.height:
            return stream
        if kind == "audio" and context.sample_rate:
            return stream
    return None


def _video_format(stream: Any) -> VideoFormat:
    rate = stream.average_rate or stream.guessed_rate
    context = stream.codec_context
    return VideoFormat(codec_name(stream), context.width, context.height, float(rate) if rate else None)


def _audio_format(stream: Any) -> AudioFormat:
    return AudioFormat(codec_name(stream), stream.codec_context.sample_rate, stream.codec_context.layout.nb_channels)


def _reason(error: Exception) -> str:
    if isinstance(error, av.error.ExitError):
        return "no data for too long"  # FFmpeg says "Immediate exit requested" when a time-out of ours interrupts it
    text = getattr(error, "strerror", None) or str(error)
    return redact(" ".join(str(text).split()))
