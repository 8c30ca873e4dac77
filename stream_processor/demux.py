"""Encoded packets out of a container, by PyAV, and what outlives the container: decoders and a muxing template.

A ``RawPacket`` owns its bytes: nothing here hands out an ``av.Packet``, whose stream dies with its container.
"""

import errno
import threading
import time
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition

from stream_processor.errors import LossReason, SourceEnded, SourceError, SourceUnusable
from stream_processor.receiving.changes import Announced, ChangeWatch
from stream_processor.receiving.reprobe import PROBE_LIMITS
from stream_processor.receiving.templates import audio_format, codec_name, codecs_of, video_format
from stream_processor.records import Kind, Media, RawPacket
from stream_processor.redact import redact

_HEADER: Any = "new_extradata"
"""What PyAV calls parameters that come beside a packet (FLV, MP4)."""

_READ_NOTHING_ELSE = {"protocol_whitelist": "none"}
"""For bytes that come from us: a playlist among them must not make FFmpeg fetch or open what it names."""


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
            options={**PROBE_LIMITS, **(_READ_NOTHING_ELSE if not isinstance(file, str) else {}), **(options or {})},
            timeout=(open_timeout_seconds, read_timeout_seconds),
            metadata_errors="replace",
        )
        return container
    except (av.error.FileNotFoundError, av.error.PermissionError, av.error.IsADirectoryError) as error:
        raise SourceUnusable(f"{redact(name)}: {error.strerror}") from error
    except (av.error.InvalidDataError, av.error.ProtocolNotFoundError, av.error.DemuxerNotFoundError, ValueError) as error:
        # ValueError is also what a format outside ``format_whitelist`` becomes.
        raise SourceUnusable(
            f"{redact(name)}: not a media stream that can be read ({_reason(error)})", reason="damaged"
        ) from error
    except av.error.EOFError as error:
        raise SourceEnded(f"{redact(name)}: empty") from error
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(f"{redact(name)}: {_reason(error)}", reason=_loss(error, "timeout")) from error


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
        silent = _silent(container, "video" if video is None else "audio") if video is None or audio is None else None
        self._wanted = [stream for stream in (video, audio, silent) if stream is not None]
        self._streams: dict[int, Kind] = {stream.index: stream.type for stream in self._wanted}
        self.skipped: list[str] = [
            f"{stream.type} stream {stream.index}"
            for stream in container.streams
            if stream.type in ("video", "audio") and stream.index not in self._streams
        ]
        self.media = Media(
            container=container.format.name,
            video=video_format(video) if video is not None else None,
            audio=audio_format(audio) if audio is not None else None,
        )
        self.codecs = codecs_of(video, audio)
        announced = {stream.type: _announced(stream) for stream in self._wanted}
        self._changes = ChangeWatch(self.media, announced.get("video"), announced.get("audio"), name=self._name)
        self.duration_seconds: float | None = container.duration / av.time_base if container.duration else None

    def seek(self, seconds: float) -> None:
        """Begin at a keyframe before this timestamp of the file, as well as its container finds one. Comes before ``packets``."""
        leads = self._wanted[0]
        self._container.seek(int(seconds / leads.time_base), stream=leads, backward=True)

    def packets(self) -> Iterator[RawPacket]:
        """See ``contracts.Demuxer``. After ``close`` it ends with the packet that was being read."""
        try:
            for raw, header in self._raw_packets():
                yield from self._changes.push(raw, header)
        except SourceError:
            yield from self._changes.finish()
            raise
        yield from self._changes.finish()

    def _raw_packets(self) -> Iterator[tuple[RawPacket, bytes | None]]:
        """Each with the parameters that the container sends beside it, where it does."""
        try:
            for packet in self._until_closed(self._container.demux(self._wanted)):
                if packet.size == 0:
                    continue  # PyAV's end marker
                raw = RawPacket(
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
                    is_hidden=packet.is_discard,
                )
                yield raw, bytes(packet.get_sidedata(_HEADER)) if packet.has_sidedata(_HEADER) else None
        except av.error.EOFError:
            return
        except (av.error.FFmpegError, OSError) as error:
            if not self._closed:
                raise SourceError(f"{self._name}: {_reason(error)}", reason=_loss(error, "stalled")) from error

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
                except IndexError:  # PyAV's end, where the container has more streams by then than at its beginning
                    packet = None
                finally:
                    if self._closed:
                        self._container.close()
            if packet is None:
                return
            yield packet


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


def _announced(stream: Any) -> Announced:
    context = stream.codec_context
    return Announced(codec_name(stream), context.extradata, context.pix_fmt if stream.type == "video" else None)


def _silent(container: InputContainer, kind: Kind) -> Any:
    """A stream that the container announces and that has sent nothing so far of which a decoder could be made."""
    for stream in container.streams:
        if stream.type == kind and stream.codec_context is not None and not stream.disposition & Disposition.attached_pic:
            return stream
    return None


_LOSSES: tuple[tuple[tuple[type[Exception], ...], LossReason], ...] = (
    ((av.error.HTTPError,), "http"),
    ((av.error.InvalidDataError,), "damaged"),
    ((ConnectionRefusedError,), "refused"),
    ((ConnectionError,), "reset"),
    ((TimeoutError,), "timeout"),
)


def _loss(error: Exception, when_silent: LossReason) -> LossReason:
    if isinstance(error, av.error.ExitError):
        return when_silent
    known = next((loss for kinds, loss in _LOSSES if isinstance(error, kinds)), None)
    return known or ("reset" if getattr(error, "errno", None) == errno.EIO else "other")


def _reason(error: Exception) -> str:
    if isinstance(error, av.error.ExitError):
        return "no data for too long"  # FFmpeg says "Immediate exit requested" when a time-out of ours interrupts it
    text = getattr(error, "strerror", None) or str(error)
    return redact(" ".join(str(text).split()))
