"""The log's file: bounded on disk, and never a reason for the program to stop.

Lines are appended and at once with the system. Where the file would grow beyond its bound it becomes FILE.1, and FILE.1
becomes FILE.2. A file that was moved, removed or rotated by somebody else is opened anew with the next line, so that no signal is
needed. While the disk refuses, lines are lost and counted; once in ``_RETRY_SECONDS`` it is asked again.
"""

import logging
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

_RETRY_SECONDS = 2.0
_MB = 1_000_000

log = logging.getLogger(__name__)


class LogFile:
    """Used by one thread at a time.

    ``kept``: older files beside the one that is written. Together they take at most ``(kept + 1) * max_mb``.
    """

    def __init__(self, path: Path, *, max_mb: float, kept: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path.expanduser().absolute()
        self._max_bytes = int(max_mb * _MB)
        self._kept = kept
        self._clock = clock
        self._file: int | None = None
        self._is_torn = False
        self._lost = 0
        self._retry_at = 0.0

    def write(self, line: str) -> None:
        """``line`` without its end, and perhaps of several."""
        if self._lost and self._clock() < self._retry_at:
            self._lost += 1
            return
        try:
            self._write(f"{line}\n".encode("utf-8", "backslashreplace"))
        except OSError as error:
            self._refused(error)
        else:
            self._accepted()

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _refused(self, error: OSError) -> None:
        self.close()
        self._lost += 1
        self._retry_at = self._clock() + _RETRY_SECONDS
        if self._lost == 1:  # heard by the other handlers; here it is lost like all others
            log.warning("the log file cannot be written, lines are lost: %s: %s", self._path, error.strerror or error)

    def _accepted(self) -> None:
        if lost := self._lost:
            self._lost = 0
            log.warning("the log file is written again: %d lines before this one are not in it", lost)

    def _write(self, data: bytes) -> None:
        file, size = self._open()
        if size and size + len(data) > self._max_bytes:
            self._rotate()
            file, _ = self._open()
        if self._is_torn:
            data = b"\n" + data
        written = 0
        try:
            while written < len(data):
                written += os.write(file, data[written:])
        finally:
            self._is_torn = 0 < written < len(data) or (self._is_torn and written == 0)

    def _open(self) -> tuple[int, int]:
        """The open file and its size in bytes: the one that has the name now."""
        try:
            named: os.stat_result | None = self._path.stat()
        except FileNotFoundError:
            named = None
        if named is not None and not stat.S_ISREG(named.st_mode):  # a pipe without a reader would hold everything up
            raise OSError(None, "not a file")
        if self._file is not None and named is not None and os.path.samestat(named, os.fstat(self._file)):
            return self._file, named.st_size
        self.close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        return self._file, os.fstat(self._file).st_size

    def _rotate(self) -> None:
        self.close()
        for number in range(self._kept, 1, -1):
            if (younger := self._numbered(number - 1)).exists():
                younger.replace(self._numbered(number))
        if self._kept:
            self._path.replace(self._numbered(1))
        else:
            self._path.unlink()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
