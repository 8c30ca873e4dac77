"""Whoever logs never waits for the log's file: a thread of its own writes the lines, and is there while there are any.

    line ─▶ queue, MOST_LINES at most ─▶ thread ─▶ LogFile

A disk on a network whose server is away answers neither yes nor no. Lines then wait, further ones are lost and counted, and
the program goes on.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

MOST_LINES = 1000
_ANSWER_SECONDS = 5.0
"""A line that takes longer is said to wait, with the next one that is logged."""
_FLUSH_SECONDS = 1.0
"""The end of the program waits no longer for what is still in the queue."""

log = logging.getLogger(__name__)


class LineFile(Protocol):
    """Used by one thread at a time. Raises nothing of its disk."""

    def write(self, line: str) -> None: ...
    def close(self) -> None: ...


class Apart(logging.Handler):
    def __init__(self, file: LineFile, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._file = file
        self._clock = clock
        self._lines: deque[str] = deque()
        self._changed = threading.Condition()
        self._is_writing = False
        self._is_silent = False
        self._answered_at = 0.0
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        line, now = self.format(record), self._clock()  # put into words here: what it tells of may change
        with self._changed:
            if len(self._lines) < MOST_LINES:
                self._lines.append(line)
            else:
                self._lost += 1
            begins, self._is_writing = not self._is_writing, True
            if begins:
                self._answered_at = now
            grows_silent = not self._is_silent and now - self._answered_at > _ANSWER_SECONDS
            self._is_silent |= grows_silent
        if begins:
            self._begin()
        if grows_silent:  # heard by the other handlers
            log.warning("the log file does not answer: %d lines can wait for it, those after them are lost", MOST_LINES)

    def flush(self) -> None:
        """What can be written is written, unless that takes too long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_writing, _FLUSH_SECONDS)

    def close(self) -> None:
        self.flush()
        with self._changed:
            if not self._is_writing:  # else the file is in use, and closing it might hang as well
                self._file.close()
        super().close()

    def _begin(self) -> None:
        try:
            threading.Thread(target=self._write, name="log file", daemon=True).start()
        except RuntimeError:  # the interpreter ends, and takes no more threads
            self._write()

    # ---- the thread

    def _write(self) -> None:
        while (line := self._next()) is not None:
            self._file.write(line)

    def _next(self) -> str | None:
        """None: there is nothing left to write, and the thread is over."""
        while True:
            with self._changed:
                self._answered_at = self._clock()
                if self._lines:
                    return self._lines.popleft()
                was_silent, self._is_silent = self._is_silent, False
                lost, self._lost = self._lost, 0
                if not was_silent and not lost:
                    self._is_writing = False
                    self._changed.notify_all()
                    return None
            log.warning("the log file answers again: %d lines were lost meanwhile", lost)
