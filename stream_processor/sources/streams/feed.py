"""The thread that downloads one rendition."""

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Protocol

import structlog
from streamlink.exceptions import StreamError, StreamlinkError
from streamlink.stream.hls import HLSStream
from streamlink.stream.http import HTTPStream

from stream_processor.errors import SourceError, SourceOffline
from stream_processor.sources.streams.hls import HlsDownload
from stream_processor.sources.streams.parts import Parts
from stream_processor.sources.streams.playlist import Key
from stream_processor.sources.streams.session import loss_reason, reason
from stream_processor.sources.streams.words import one_line

_CHUNK_BYTES = 65536


class Download(Protocol):
    is_live: bool
    duration_seconds: float | None
    last: Key | None

    def run(self) -> None: ...

    def stop(self) -> None: ...


class FileDownload:
    """Copies what streamlink gives as a plain file object, over HTTP or put together by itself. Its end is the stream's.

    ``only_live``: a recording is SourceOffline.
    """

    duration_seconds: float | None = None
    last: Key | None = None

    def __init__(self, stream: Any, parts: Parts, *, only_live: bool = False) -> None:
        self.is_live = True
        self._stream = stream
        self._parts = parts
        self._only_live = only_live
        self._stopped = False
        self._file: Any = None

    def stop(self) -> None:
        """streamlink may wait for its own threads to end, for ``stream-timeout``: whoever stops us does not."""
        self._stopped = True
        if self._file is not None:
            threading.Thread(target=self._file.close, name="close download", daemon=True).start()

    def run(self) -> None:
        for data in self._of_http() if isinstance(self._stream, HTTPStream) else self._of_file():
            if self._stopped:
                return
            if self._only_live and not self.is_live:
                offline = f"{self._parts.name}: a recording, no live stream there now"
                self._parts.end(SourceOffline(offline, reason="ended"))
                return
            if not self._parts.write(data):
                return
        self._parts.end()

    def _of_http(self) -> Iterator[bytes]:
        request = {"method": "GET", **self._stream.args}
        with self._stream.session.http.request(stream=True, exception=StreamError, **request) as response:
            self.is_live = "Content-Length" not in response.headers
            yield from response.iter_content(_CHUNK_BYTES)

    def _of_file(self) -> Iterator[bytes]:
        self.is_live = getattr(self._stream, "is_live", True)
        with closing(self._stream.open()) as file:
            self._file = file
            while not self._stopped and (data := file.read(_CHUNK_BYTES)):
                yield data


class Feed:
    """Downloads a streamlink stream into ``parts``, from construction on. ``after`` and ``only_live``: see ``HlsDownload``."""

    def __init__(self, stream: Any, parts: Parts, after: Key | None = None, *, only_live: bool = False) -> None:
        self.parts = parts
        self.download: Download
        if isinstance(stream, HLSStream):
            self.download = HlsDownload(stream, parts, after, only_live=only_live)
        else:
            self.download = FileDownload(stream, parts, only_live=only_live)
        self.thread = threading.Thread(target=self._run, name="download", daemon=True)
        self.thread.start()

    def close(self) -> None:
        """End the download. From any thread, and at once: its thread may wait for the network, and ends when its request does."""
        self.parts.close()
        self.download.stop()

    def _run(self) -> None:
        try:
            self.download.run()
        except (StreamlinkError, OSError) as error:
            self.parts.end(SourceError(f"{self.parts.name}: {reason(error)}", reason=loss_reason(error)))
        except Exception as error:  # what a stream is made of can make streamlink raise anything
            structlog.get_logger(__name__).error("the download failed", stream=self.parts.name, exc_info=error)
            what = one_line(f"{type(error).__name__}: {reason(error)}")
            self.parts.end(SourceError(f"{self.parts.name}: the download failed ({what})", reason="damaged"))
