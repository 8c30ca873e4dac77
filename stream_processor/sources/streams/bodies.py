"""Answers of HTTP servers, bounded: a body may be endless, or unpack to much more than was sent."""

from collections.abc import Iterator
from typing import Any

MOST_WHOLE_BYTES = 64 * 2**20
"""An answer that is held in memory as a whole: ten seconds at 50 Mb/s. Of what is passed on as it comes any length is taken."""
MOST_PLAYLIST_BYTES = 16 * 2**20
MOST_PLAYLIST_LINES = 200_000
"""Two days in segments of two seconds. streamlink parses so many in 1.5 s, which a reload every few seconds has to bear."""
_CHUNK_BYTES = 65536
_SIGN = b"#EXTM3U"


class TooLarge(Exception):
    """An answer over its bound. One line, no secrets."""


class BoundedBody:
    """In place of the ``raw`` of a requests response. ``most_bytes``: of its decoded length; a playlist has a bound of its own.

    TooLarge from ``stream`` and ``read``.
    """

    def __init__(self, raw: Any, most_bytes: int | None) -> None:
        self._raw = raw
        self._most_bytes = most_bytes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def stream(self, amt: int = _CHUNK_BYTES, decode_content: bool | None = None) -> Iterator[bytes]:
        count = _Count(self._most_bytes)
        try:
            for data in self._raw.stream(amt, decode_content=decode_content):
                count.add(data)
                yield data
        except TooLarge:
            self._raw.close()  # the rest is not read, so this connection serves nobody again
            raise

    def read(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        if amt is not None:
            return bytes(self._raw.read(amt, decode_content=decode_content))
        return b"".join(self.stream(decode_content=decode_content))


class _Count:
    def __init__(self, most_bytes: int | None) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._lines = 0
        self._head = b""
        self._is_playlist: bool | None = None

    def add(self, data: bytes) -> None:
        self._bytes += len(data)
        if self._is_playlist is None:
            self._head = (self._head + data[:64]).lstrip(b"\xef\xbb\xbf \t\r\n\v\f")
            if len(self._head) >= len(_SIGN):
                self._is_playlist = self._head.startswith(_SIGN)
        if self._is_playlist is not False:
            self._lines += data.count(b"\n")
            if self._bytes > MOST_PLAYLIST_BYTES or self._lines > MOST_PLAYLIST_LINES:
                limit = f"{MOST_PLAYLIST_BYTES // 2**20} MB or {MOST_PLAYLIST_LINES} lines"
                raise TooLarge(f"a playlist of more than {limit} is not read")
        if self._most_bytes is not None and self._bytes > self._most_bytes:
            raise TooLarge(f"an answer of more than {self._most_bytes // 2**20} MB is not read")
