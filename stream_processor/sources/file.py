"""A file: on disk, or a plain http(s) one. Played as fast as it goes, or at 1x by ``Paced``."""

import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av.error

from stream_processor.contracts import Demuxer
from stream_processor.demux import AvDemuxer, open_container
from stream_processor.errors import SourceEnded, SourceError, SourceUnusable
from stream_processor.records import Media, RawPacket, replace
from stream_processor.redact import redact
from stream_processor.settings import SourceSettings

_FROM_DISK = {"protocol_whitelist": "file,crypto,data"}
"""A playlist on disk may name its neighbours, never the network."""
_WEB_FORMATS = "3gp,aac,ac3,aiff,asf,avi,eac3,flac,flv,matroska,mov,mp3,mp4,mpeg,mpegts,mxf,nut,ogg,wav,webm"
"""No playlist of any kind: FFmpeg would fetch what it names, wherever that is."""
_FROM_WEB = {
    "protocol_whitelist": "http,https,tls,tcp,crypto",
    "format_whitelist": _WEB_FORMATS,
    "reconnect": "1",
    "reconnect_delay_max": "5",
    "max_redirects": "0",  # they are followed by ``destination``, which knows where they may lead
}
_TEXT_FORMATS = ("tty", "bin", "adf", "idf", "xbin")
"""FFmpeg shows plain text as a picture; nobody means that."""
_FEWEST_BYTES_PER_SECOND = 50
_OLDEST = datetime(1995, 1, 1, tzinfo=UTC)
"""Before any file this program can meet: an unset clock writes 1904 or 1970."""


class FileSource:
    """One part, then SourceEnded. ``duration_seconds`` and ``started_at`` (UTC) are known after ``open``, or None.

    ``started_at`` is the container's ``creation_time`` where it makes sense, else the file's modification time. ``paced``: at 1x.
    """

    is_live = False

    def __init__(self, path: str, settings: SourceSettings, *, paced: bool = False) -> None:
        self._paced = paced
        self._path = path
        self._settings = settings
        self._demuxer: AvDemuxer | Paced | None = None
        self._closed = False
        self.duration_seconds: float | None = None
        self.started_at: datetime | None = None

    def open(self) -> Demuxer:
        if self._closed or self._demuxer is not None:
            raise SourceEnded(f"{redact(self._path)}: end of file")
        is_web = self._path.startswith(("http://", "https://"))
        container = self._open_web() if is_web else self._open_disk()
        if container.format.name in _TEXT_FORMATS:
            container.close()
            raise SourceUnusable(f"{redact(self._path)}: text, not a media file")
        self.started_at = creation_time(container.metadata, now=datetime.now(UTC))
        if self.started_at is None and not is_web:
            self.started_at = datetime.fromtimestamp(Path(self._path).stat().st_mtime, UTC)
        demuxer = AvDemuxer(container, name=self._path)
        self.duration_seconds = demuxer.duration_seconds if is_web else _believable(demuxer.duration_seconds, self._path)
        self._demuxer = Paced(demuxer) if self._paced else demuxer
        return self._demuxer

    def check(self) -> None:
        """SourceUnusable: a file on disk that cannot be read. Says so before anything else is begun."""
        if not self._path.startswith(("http://", "https://")):
            _check_readable(self._path)

    def close(self) -> None:
        """A read from disk ends at once; one from the web within ``read_timeout_seconds``."""
        self._closed = True
        if self._demuxer is not None:
            self._demuxer.close()

    def _open_disk(self) -> Any:
        _check_readable(self._path)
        try:
            return open_container(f"file:{self._path}", name=self._path, options=_FROM_DISK)
        except SourceError as error:  # what a file on disk lacks now it will lack later
            raise SourceUnusable(str(error), reason=error.reason) from error

    def _open_web(self) -> Any:
        from stream_processor.sources.streams.redirects import destination  # with streamlink, which takes a second

        try:
            return open_container(
                destination(self._path, self._settings.open_timeout_seconds),
                name=self._path,
                options=_FROM_WEB,
                open_timeout_seconds=self._settings.open_timeout_seconds,
                read_timeout_seconds=self._settings.read_timeout_seconds,
            )
        except SourceEnded as error:
            raise SourceUnusable(str(error), reason=error.reason) from error
        except SourceError as error:
            if isinstance(error.__cause__, av.error.HTTPClientError):
                raise SourceUnusable(str(error), reason=error.reason) from error
            raise


def creation_time(metadata: Mapping[str, str], now: datetime) -> datetime | None:
    """The container's creation time in UTC; None where there is none that can be true."""
    try:
        time = datetime.fromisoformat(metadata["creation_time"])
    except (KeyError, ValueError):
        return None
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return time if _OLDEST <= time <= now + timedelta(days=1) else None


def _believable(duration_seconds: float | None, path: str) -> float | None:
    """None instead of a duration for which the file is much too small: some headers say 50 days."""
    too_long = duration_seconds is not None and Path(path).stat().st_size < _FEWEST_BYTES_PER_SECOND * duration_seconds
    return None if too_long else duration_seconds


def _check_readable(path: str) -> None:
    try:
        found = Path(path).stat()
        if stat.S_ISREG(found.st_mode):
            Path(path).open("rb").close()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise SourceUnusable(f"{redact(path)}: {reason}") from error
    if stat.S_ISDIR(found.st_mode):
        raise SourceUnusable(f"{redact(path)}: a folder, not a file")
    if not stat.S_ISREG(found.st_mode):
        raise SourceUnusable(f"{redact(path)}: not a regular file (to read a pipe, give - and redirect standard input)")
    if found.st_size == 0:
        raise SourceUnusable(f"{redact(path)}: empty")


class Paced:
    """A demuxer whose packets come at 1x, by decoding time. ``arrived_at`` becomes the moment a packet was let go.

    ``sleep`` must return early once ``close`` was called; None takes one that does.
    """

    _LONGEST_WAIT_SECONDS = 10.0
    """A jump of the timestamps is not waited for: the clock is set anew."""

    def __init__(
        self, demuxer: Demuxer, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], Any] | None = None
    ) -> None:
        self._demuxer = demuxer
        self._clock = clock
        self._closed = threading.Event()
        self._sleep = sleep or self._closed.wait
        self.media: Media = demuxer.media
        self.codecs = demuxer.codecs

    def packets(self) -> Iterator[RawPacket]:
        begin: float | None = None  # when decoding time 0 would have been
        for packet in self._demuxer.packets():
            timestamp = packet.dts if packet.dts is not None else packet.pts
            if timestamp is not None:
                seconds = float(timestamp * packet.time_base)
                wait = 0.0 if begin is None else begin + seconds - self._clock()
                if begin is None or abs(wait) > self._LONGEST_WAIT_SECONDS:
                    begin = self._clock() - seconds
                elif wait > 0:
                    self._sleep(wait)
            if self._closed.is_set():
                return
            yield replace(packet, arrived_at=self._clock())

    def close(self) -> None:
        self._closed.set()
        self._demuxer.close()
