"""Which of the streams that streamlink found, and what has to be downloaded for it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from streamlink.stream.dash import DASHStream
from streamlink.stream.ffmpegmux import MuxedStream
from streamlink.stream.hls import HLSStream
from streamlink.utils.l10n import Language
from streamlink.utils.times import now

from stream_processor.errors import SourceUnusable
from stream_processor.sources.streams.words import one_line


def choose(streams: Mapping[str, Any], quality: str, name: str, *, was_there: bool = False) -> Any:
    """The first of the comma-separated names in ``quality`` that there is. SourceUnusable names those that there are.

    ``was_there``: it was found before, so where it is gone now the best will do.
    """
    for wanted in (part.strip().lower() for part in quality.split(",")):
        for known in (wanted, f"{wanted}-unfiltered"):  # streamlink's name where its plugin left all out of the ranking
            if known in streams:
                return streams[known]
    known_names = one_line(", ".join(streams))
    if was_there:
        structlog.get_logger(__name__).warning("the quality is gone, taking the best", wanted=quality, there=known_names)
        return streams.get("best") or streams.get("best-unfiltered") or next(iter(streams.values()))
    raise SourceUnusable(f"{name}: no quality {quality!r} there, only {known_names}", reason="ended")


def renditions(stream: Any) -> Sequence[Any]:
    """The stream itself, or its video and its audio stream where the sound comes separately.

    streamlink would mux them with the ffmpeg program, and without one leave the sound out.
    """
    if isinstance(stream, MuxedStream):
        return list(stream.substreams[:2])
    if isinstance(stream, DASHStream) and stream.video_representation and stream.audio_representation:
        start = now()
        return [_DashTrack(stream, stream.video_representation, start), _DashTrack(stream, stream.audio_representation, start)]
    if isinstance(stream, HLSStream) and stream.multivariant is not None:
        sound = _audio_address(stream)
        if sound is not None:
            return [stream, _sibling(stream, sound)]
    return [stream]


class _DashTrack:
    """One representation of a DASH stream, to be opened as a stream of its own. Both start from the same time (UTC)."""

    def __init__(self, stream: Any, representation: Any, start: datetime) -> None:
        self.is_live = stream.mpd.type == "dynamic"
        self._reader = stream.__reader__(stream, representation, start)

    def open(self) -> Any:
        self._reader.open()
        return self._reader


def _audio_address(stream: Any) -> str | None:
    """Chosen as ``HLSStream.parse_variant_playlist`` does (streamlink 8.6), which has no part that could be called for it."""
    chosen = stream.session.options.get("hls-audio-select")
    languages, codes = [], []
    for item in (item.strip().lower() for item in chosen):
        try:
            languages.append(Language.get(item))
        except LookupError:
            codes.append(item)
    for playlist in stream.multivariant.playlists:
        if not playlist.is_iframe and playlist.uri == stream.args["url"]:
            media = playlist.get_external_audio(
                locale=stream.session.localization, any_language="*" in chosen, languages=languages, codes=codes
            )
            return next((each.uri for each in media if each.uri), None)
    return None


def _sibling(stream: Any, url: str) -> Any:
    return type(stream)(
        stream.session,
        url,
        multivariant=stream.multivariant,
        name="audio",
        force_restart=stream.force_restart,
        start_offset=stream.start_offset,
        duration=stream.duration,
        **{key: value for key, value in stream.args.items() if key != "url"},
    )
