"""Drives streamlink's HLS parts by hand: its playlist worker says what comes next, its segment writer fetches it.

streamlink's own reader writes everything into one file object and so hides where the stream is broken. Start at the live
edge, reloading, retries, decryption, byte ranges and the recognition of ads stay with the classes that the plugin chose.
"""

import threading
from typing import Any

from stream_processor.errors import SourceError, SourceOffline
from stream_processor.sources.streams.fetching import Fetcher
from stream_processor.sources.streams.parts import Parts
from stream_processor.sources.streams.playlist import Key, Playlist, key_of

_QUIET_TARGETS = 3
"""A playlist brings something every target duration; it is silent only after so many without."""


class HlsDownload:
    """Brings one HLS rendition into ``parts``, cut at discontinuities, at new initializations and at ads, which are left out.

    ``after`` is the key of a segment; where the playlist still has it, the download goes on behind it.
    ``only_live``: a finished playlist, unless it goes on after ``after``, is SourceOffline, and nothing of it is delivered.
    ``last`` is the key of the newest delivered one; what could not be had is asked for again, once the stream was lost and is
    back. ``is_live`` and ``duration_seconds`` (None while live) are right once the first part is there.
    """

    def __init__(self, stream: Any, parts: Parts, after: Key | None = None, *, only_live: bool = False) -> None:
        self.last = after
        self.is_live = True
        self.duration_seconds: float | None = None
        self._stream = stream
        self._parts = parts
        self._only_live = only_live
        self._stopped = threading.Event()
        reader = stream.__reader__(stream)  # never opened: its threads do not start
        reader.buffer = _Buffer(stream, parts)
        self._writer = reader.writer
        self._playlist = Playlist(reader.worker, parts.name, after)
        self._fetcher = Fetcher(reader.writer, parts.name, self._stopped)
        self._map: Any = None  # the EXT-X-MAP of the newest segment
        self._header: Any = None  # and the response that holds it

    def stop(self) -> None:
        """From any thread: no further request is begun."""
        self._stopped.set()
        self._writer.closed = True
        self._playlist.stop()

    def run(self) -> None:
        """Until the stream ends, breaks off or is stopped; ``parts`` is ended then."""
        try:
            self._deliver_all()
        except SourceError as error:
            self._parts.end(error)
        except _NotTaken:
            return

    def _deliver_all(self) -> None:
        begun = False
        for segment in self._playlist.segments():
            if not begun:
                begun = True
                self._begin()
            self._parts.silence_seconds = max(self._parts.silence_seconds, _QUIET_TARGETS * self._playlist.target_seconds)
            if self._writer.should_filter_segment(segment):
                self._parts.cut()
                continue
            if segment.discontinuity:
                self._cut()
            if self._deliver(segment):
                self.last = key_of(segment)
            if self._stopped.is_set():
                return
            if self._writer.closed:  # streamlink met a cipher or key that it cannot use
                raise SourceError(f"{self._parts.name}: the segments cannot be decrypted", reason="damaged")
        if not self._playlist.has_ended:
            raise SourceError(f"{self._parts.name}: the playlist brings nothing", reason="stalled")
        self._fetcher.end()
        self._parts.end()

    def _begin(self) -> None:
        self.is_live = not self._playlist.is_finished
        self.duration_seconds = self._playlist.duration_seconds
        if self._only_live and not self.is_live and not self._playlist.goes_on:
            raise SourceOffline(f"{self._parts.name}: a recording, no live stream there now", reason="ended")

    def _deliver(self, segment: Any) -> bool:
        """Download a segment into the current part, its initialization first where the part begins. False: not, or not whole."""
        if segment.map != self._map:
            self._begin_map(segment)
        response = self._fetcher.segment(segment, is_live=self.is_live)
        if response is None:
            return False
        whole = True
        if self._parts.is_cut and self._header is not None:
            whole = self._write(segment, self._header, segment.map.key)
        whole = whole and self._write(segment, response, segment.key)
        if not whole and self._header is not None:
            self._cut()  # half a fragment: nothing can be glued to it
        return whole

    def _begin_map(self, segment: Any) -> None:
        """Fetch a new initialization; one that only moved to another address does not break the stream."""
        header = self._fetcher.header(segment) if segment.map is not None else None
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


class _NotTaken(Exception):
    """Nobody reads any more."""


class _Buffer:
    """Where streamlink's writer puts its bytes, and what its worker waits for."""

    def __init__(self, stream: Any, parts: Parts) -> None:
        self._stream = stream
        self._parts = parts

    def write(self, data: bytes) -> None:
        if not self._parts.write(bytes(data), self._stream.packed_audio_timestamp):
            raise _NotTaken

    def wait_free(self) -> None:
        """Downloading and reloading share a thread, which ``write`` has held back already."""
