"""What outlives a container: the decoders of its streams, and an output that is never written but keeps their parameters."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import av
from av.audio.codeccontext import AudioCodecContext
from av.container import OutputContainer
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext

from stream_processor.errors import SourceUnusable
from stream_processor.records import AudioFormat, Kind, VideoFormat

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

    def changed_to(self, other: "Codecs") -> "Codecs":
        """These, with what ``other`` has in their place."""
        return Codecs(
            video=other.video or self.video,
            audio=other.audio or self.audio,
            template=_template({**self.template.streams, **other.template.streams}),
        )

    def without_picture(self) -> "Codecs":
        """The sound alone; there must be some."""
        return Codecs(None, self.audio, _template({"audio": self.template.streams["audio"]}))


def codecs_of(video: Any | None, audio: Any | None) -> Codecs:
    """Decoders and template of one or two streams, which may come from different containers."""
    streams: dict[Kind, Any] = {}
    if video is not None:
        streams["video"] = video
    if audio is not None:
        streams["audio"] = audio
    return Codecs(
        video=video.codec_context if video is not None else None,
        audio=audio.codec_context if audio is not None else None,
        template=_template(streams),
    )


def codec_name(stream: Any) -> str:
    """The codec's own name, not that of the decoder in use (libdav1d, mp3float)."""
    return str(stream.codec_context.codec.canonical_name)


def video_format(stream: Any) -> VideoFormat:
    rate = stream.average_rate or stream.guessed_rate
    context = stream.codec_context
    return VideoFormat(codec_name(stream), context.width, context.height, float(rate) if rate else None)


def audio_format(stream: Any) -> AudioFormat:
    return AudioFormat(codec_name(stream), stream.codec_context.sample_rate, stream.codec_context.layout.nb_channels)


def _template(streams: Mapping[Kind, Any]) -> Template:
    for muxer in _TEMPLATE_FORMATS:
        container = av.open(io.BytesIO(), "w", format=muxer)
        try:
            copies = {
                kind: container.add_stream_from_template(streams[kind], opaque=True)
                for kind in sorted(streams, reverse=True)  # the picture first
            }
        except ValueError:
            continue
        return Template(container, copies)
    raise SourceUnusable("a codec that neither Matroska nor NUT can hold")
