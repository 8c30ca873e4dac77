"""A source that is opened while the test does something else: publishes, waits, or closes it."""

import threading

from stream_processor.contracts import Demuxer, Source
from stream_processor.errors import ClipError


class Opening:
    """``source.open()`` in a thread of its own."""

    def __init__(self, source: Source) -> None:
        self.demuxer: Demuxer | None = None
        self.error: ClipError | None = None
        self.thread = threading.Thread(target=self._open, args=(source,))
        self.thread.start()

    def _open(self, source: Source) -> None:
        try:
            self.demuxer = source.open()
        except ClipError as error:
            self.error = error

    def join(self, timeout_seconds: float = 10.0) -> None:
        self.thread.join(timeout_seconds)
        assert not self.thread.is_alive()
