"""Bytes of one rendition on their way from the downloading thread to the demuxer, cut where the stream is broken.

FFmpeg must never read across a discontinuity: it would glue two timelines together, and skip a second fMP4 header. So the
downloading thread calls ``cut`` there, and the reading side gets one file object for each unbroken part.
"""

import threading
import time
from collections import deque

from stream_processor.errors import SourceEnded, SourceError
from stream_processor.receiving.stall import LOOK_SECONDS, Silence


class Parts:
    """A queue between two threads, bounded in bytes: the writer waits, nothing is dropped.

    ``max_bytes`` bounds what waits unread (one chunk more may lie there). The reader waits at most ``silence_seconds`` since
    the writer's last sign of life, by the monotonic clock and as ``Silence`` counts them, then the stream counts as lost.
    ``name`` is for messages.
    """

    def __init__(self, name: str, *, max_bytes: int, silence_seconds: float) -> None:
        self.name = name
        self.silence_seconds = silence_seconds
        self._max_bytes = max_bytes
        self._chunks: deque[tuple[int, bytes]] = deque()  # part number and bytes, never empty bytes
        self._waiting_bytes = 0
        self._writing = 0
        self._has_written = False  # into the part that is being written
        self._reading = -1
        self._left = -1
        self._start_seconds: dict[int, float] = {}
        self._silence = Silence(None, time.monotonic())
        self._ended = False
        self._closed = False
        self._error: Exception | None = None
        self._changed = threading.Condition()

    # ---- the downloading thread ----

    def write(self, data: bytes, start_seconds: float | None = None) -> bool:
        """Append to the current part, waiting while the queue is full. ``start_seconds`` is what the part's time 0 stands for.

        False: nobody takes it any more, the reader has given up or the queue was closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting_bytes < self._max_bytes or self._is_over)
            if self._is_over:
                return False
            if not data:
                return True
            if start_seconds is not None:
                self._start_seconds.setdefault(self._writing, start_seconds)
            self._chunks.append((self._writing, data))
            self._waiting_bytes += len(data)
            self._has_written = True
            self._sign_of_life()
            return True

    def cut(self) -> None:
        """End the current part: what is written from now on belongs to the next one."""
        with self._changed:
            if self._has_written:
                self._writing += 1
                self._has_written = False
            self._sign_of_life()

    @property
    def is_cut(self) -> bool:
        """Nothing has been written into the current part."""
        return not self._has_written

    def end(self, error: Exception | None = None) -> None:
        """Nothing more will come: regularly, or because of ``error``. Only the first call counts."""
        with self._changed:
            if not self._ended:
                self._ended = True
                self._error = error
            self._changed.notify_all()

    # ---- the demuxing thread ----

    def next_part(self) -> "PartFile":
        """Wait for the next part's first bytes; what is left of the part before is thrown away.

        SourceEnded: there is no further part. SourceError: the stream is lost. Any other error of the downloading thread.
        """
        with self._changed:
            while True:
                while self._chunks and self._chunks[0][0] <= self._reading:
                    self._take()
                if self._closed:
                    raise SourceEnded(f"{self.name}: closed")
                if self._chunks:
                    self._reading = self._chunks[0][0]
                    return PartFile(self, self._reading, self._start_seconds.pop(self._reading, None))
                if self._ended:
                    raise self._error or SourceEnded(f"{self.name}: the stream has ended")
                self._wait()

    def read(self, part: int, size: int) -> bytes:
        """At most ``size`` bytes of that part. Empty: it has ended, is lost (see ``error``), or the queue was closed."""
        with self._changed:
            while not self._closed and self._reading == part > self._left:
                if self._chunks:
                    return self._take(size) if self._chunks[0][0] == part else b""
                if self._ended or self._writing > part:
                    return b""
                self._wait()
            return b""

    def leave(self, part: int) -> None:
        """Every further read of that part is empty, one that waits now too. From any thread."""
        with self._changed:
            self._left = max(self._left, part)
            self._changed.notify_all()

    @property
    def is_lost(self) -> bool:
        """It broke off, and there is no further part before that place."""
        with self._changed:
            return self._error is not None and not any(part > self._reading for part, _ in self._chunks)

    def error_in(self, part: int) -> Exception | None:
        """Why that part stopped short; None if it was cut regularly."""
        with self._changed:
            return self._error if part == self._writing and part > self._left else None

    def close(self) -> None:
        """Wake up both sides for good. From any thread."""
        with self._changed:
            self._closed = True
            self._chunks.clear()
            self._changed.notify_all()

    @property
    def quiet_until(self) -> float:
        """When, on the monotonic clock, this will notice by itself that nothing comes; past, where it has or need not."""
        with self._changed:
            return 0.0 if self._is_over else time.monotonic() + self._left_seconds

    # ---- under the lock ----

    @property
    def _is_over(self) -> bool:
        return self._closed or self._ended

    @property
    def _left_seconds(self) -> float:
        return self.silence_seconds - self._silence.seconds

    def _sign_of_life(self) -> None:
        self._silence.heard(time.monotonic())
        self._changed.notify_all()

    def _wait(self) -> None:
        """Until something changes; the stream is lost when nothing has for too long."""
        self._silence.is_too_long(time.monotonic())
        if self._left_seconds > 0:
            self._changed.wait(min(self._left_seconds, LOOK_SECONDS))
        elif not self._ended:
            self._ended = True
            self._error = SourceError(f"{self.name}: no data for {self.silence_seconds:g} s", reason="stalled")
            self._changed.notify_all()

    def _take(self, size: int | None = None) -> bytes:
        part, data = self._chunks.popleft()
        if size is not None and len(data) > size:
            self._chunks.appendleft((part, data[size:]))
            data = data[:size]
        self._waiting_bytes -= len(data)
        self._sign_of_life()  # while the reader was busy the writer could not show any
        return data


class PartFile:
    """One unbroken part as PyAV reads it: a binary file that cannot seek.

    ``start_seconds`` is the time on the stream's clock for which the part's own time 0 stands, where the container has no
    clock of its own (packed audio); else None.
    """

    def __init__(self, parts: Parts, number: int, start_seconds: float | None) -> None:
        self.start_seconds = start_seconds
        self._parts = parts
        self._number = number

    def read(self, size: int) -> bytes:
        return self._parts.read(self._number, size)

    @property
    def error(self) -> Exception | None:
        """Why this part stopped before its end, if it did."""
        return self._parts.error_in(self._number)

    def end(self) -> None:
        """Make every further read empty, and wake up one that waits. From any thread."""
        self._parts.leave(self._number)
