"""Drives streamlink's HLS parts by hand: its playlist worker says what comes next, its segment writer fetches it.

streamlink's own reader writes everything into one file object and so hides where the stream is broken. Start at the live
edge, reloading, retries, decryption, byte ranges and the recognition of ads stay with the classes that the plugin chose.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from stream_processor.errors import SourceError, SourceOffline
from stream_processor.sources.streams.parts import Parts

_QUIET_TARGETS = 3
"""A playlist brings something every target duration; it is silent only after so many without."""

Key = tuple[str, int | None, int | None]
"""What tells a segment from others across reconnects: path without query (tokens change), byte range."""


class HlsDownload:
    """Brings one HLS rendition into ``parts``, cut at discontinuities, at new initializations and at ads, which are left out.

    ``after`` is the key of a segment; it and those before it are not delivered again where the playlist still has it.
    ``only_live``: a finished playlist, unless it goes on after ``after``, is SourceOffline, and nothing of it is delivered.
    ``last`` is the key of the newest delivered one. ``is_live`` and ``duration_seconds`` (None while live) are right once
    the first part is there.
    """

    def __init__(self, stream: Any, parts: Parts, after: Key | None = None, *, only_live: bool = False) -> None:
        self.last = after
        self.is_live = True
        self.duration_seconds: float | None = None
        self._stream = stream
        self._parts = parts
        self._only_live = only_live
        reader = stream.__reader__(stream)  # never opened: its threads do not start
        reader.buffer = _Buffer(stream, parts)
        self._worker = reader.worker
        self._writer = reader.writer
        self._map: Any = None  # the EXT-X-MAP of the newest segment
        self._header: Any = None  # and the response that holds it

    def stop(self) -> None:
        """From any thread: no further request is begun."""
        self._writer.closed = True
        self._worker.close()

    def run(self) -> None:
        """Until the stream ends, breaks off or is stopped; ``parts`` is ended then."""
        for segment in self._segments():
            if self._writer.should_filter_segment(segment):
                self._parts.cut()
                continue
            if segment.discontinuity:
                self._cut()
            self._deliver(segment)
            self.last = _key(segment)
            if self._writer.closed:  # stopped, or streamlink met a cipher or key that it cannot use
                return self._parts.end(SourceError(f"{self._parts.name}: the segments cannot be decrypted"))
        worker = self._worker
        if worker.playlist_end is not None or worker.duration >= worker.duration_limit > 0:
            return self._parts.end()
        return self._parts.end(SourceError(f"{self._parts.name}: the playlist cannot be read or brings nothing new"))

    def _segments(self) -> Iterator[Any]:
        """What is to be delivered, in order, as it appears in the playlist: what streamlink's worker does in its own thread."""
        worker = self._worker
        coming = worker.iter_segments()
        segment = next(coming, None)
        self.is_live = worker.playlist_end is None
        if not self.is_live:
            self.duration_seconds = sum(each.duration for each in worker.playlist_segments)
        delivered = next((each.num for each in worker.playlist_segments if _key(each) == self.last), -1)
        if self._only_live and not self.is_live and delivered < 0:
            self._parts.end(SourceOffline(f"{self._parts.name}: a recording, no live stream there now"))
            return
        while segment is not None:
            self._parts.silence_seconds = max(self._parts.silence_seconds, _QUIET_TARGETS * worker.playlist_targetduration)
            worker.sequence = segment.num + 1
            worker.duration += segment.duration
            if segment.num > delivered:
                yield segment
            if worker.closed or worker.duration >= worker.duration_limit > 0:
                return
            try:
                segment = coming.send(True)
            except StopIteration:
                return

    def _deliver(self, segment: Any) -> None:
        """Download a segment into the current part, its initialization first where the part begins. A lost one is a hole."""
        if segment.map != self._map:
            self._begin_map(segment)
        response = self._writer.fetch(segment)
        if response is None:
            return
        whole = True
        if self._parts.is_cut and self._header is not None:
            whole = self._write(segment, self._header, segment.map.key)
        if not (whole and self._write(segment, response, segment.key)) and self._header is not None:
            self._cut()  # half a fragment: nothing can be glued to it

    def _begin_map(self, segment: Any) -> None:
        """Fetch a new initialization; one that only moved to another address does not break the stream."""
        header = self._writer.fetch_map(segment) if segment.map is not None else None
        if self._header is None or header is None or header.content != self._header.content:
            self._cut()
        self._map = segment.map if header is not None else None
        self._header = header

    def _cut(self) -> None:
        self._parts.cut()
        self._stream.parse_packed_audio, self._stream.packed_audio_timestamp = True, None

    def _write(self, segment: Any, response: Any, key: Any) -> bool:
        """By the private half of streamlink's ``write``: the public one pauses its reader and hides failures."""
        if key and key.method != "NONE" and not self._writer.passthrough_encrypted:
            return bool(self._writer._write_decrypt(segment, response, key))  # noqa: SLF001
        return bool(self._writer._write_plain(segment, response))  # noqa: SLF001


class _Buffer:
    """Where streamlink's writer puts its bytes, and what its worker waits for."""

    def __init__(self, stream: Any, parts: Parts) -> None:
        self._stream = stream
        self._parts = parts

    def write(self, data: bytes) -> None:
        self._parts.write(bytes(data), self._stream.packed_audio_timestamp)

    def wait_free(self) -> None:
        """Downloading and reloading share a thread, which ``write`` has held back already."""


def _key(segment: Any) -> Key:
    """The path holds the segment's name with every server known; a byte range tells apart what shares a file."""
    span = segment.byterange
    return urlsplit(segment.uri).path, span.range if span else None, span.offset if span else None
