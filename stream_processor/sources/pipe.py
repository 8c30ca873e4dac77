"""Standard input: MPEG-TS, FLV, Matroska or fragmented MP4, whatever FFmpeg reads without seeking."""

import os
import sys
from typing import Any

from stream_processor.contracts import Demuxer
from stream_processor.demux import AvDemuxer, open_container
from stream_processor.errors import SourceEnded, SourceError, SourceUnusable
from stream_processor.sources.wake import Wake

_NAME = "standard input"


class PipeSource:
    """One part, as long as the pipe lasts, then SourceEnded. ``descriptor`` is read, and left open at the end."""

    is_live = False  # whoever writes into the pipe waits for us

    def __init__(self, descriptor: int = 0) -> None:
        self._pipe = _Pipe(descriptor)
        self._demuxer: AvDemuxer | None = None

    def open(self) -> Demuxer:
        if self._pipe.wake.is_set or self._demuxer is not None:
            raise SourceEnded(f"{_NAME}: end of stream")
        if self._pipe.descriptor == 0 and sys.stdin is None:  # the number may be some other file's by now
            raise SourceUnusable(f"{_NAME}: closed, there is nothing to read")
        if os.isatty(self._pipe.descriptor):
            raise SourceUnusable(f"{_NAME}: a terminal, not a stream: pipe one in (streamlink -O … | main --stream -)")
        try:
            container = open_container(self._pipe, name=_NAME)
        except SourceError as error:
            if self._pipe.wake.is_set:
                raise SourceEnded(f"{_NAME}: closed") from error
            if self._pipe.read_bytes == 0:
                raise SourceUnusable(f"{_NAME}: empty") from error
            raise
        self._demuxer = AvDemuxer(container, name=_NAME)
        return self._demuxer

    def close(self) -> None:
        self._pipe.wake.set()
        if self._demuxer is not None:
            self._demuxer.close()


class _Pipe:
    """What PyAV reads from: no ``seek``, so it does not try. An empty read is the end."""

    name = _NAME

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.wake = Wake()
        self.read_bytes = 0

    def read(self, size: int) -> Any:
        if self.wake.is_set:
            return b""
        # Windows cannot wait for pipes: there a blocked read ends only when something comes.
        if sys.platform != "win32" and not self.wake.readable(self.descriptor):
            return b""
        data = os.read(self.descriptor, size)
        self.read_bytes += len(data)
        return data
