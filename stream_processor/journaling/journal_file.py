"""The journal's file among others: one process at a time, out of the way when it is damaged, and noticed when it is gone."""

import re
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from stream_processor.errors import JournalError
from stream_processor.journaling.journal_errors import Corrupt, Refused

Identity = tuple[int, int]
"""What tells a file from another that has taken its name: device and inode."""


def identity(path: Path) -> Identity | None:
    """None: it is not there."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


class Lock:
    """Keeps a second process off this output folder while it is open. An SQLite transaction on an empty file beside the journal
    is the lock: it works on every system, ends with the process, and leaves the journal itself open to readers.
    """

    def __init__(self, path: Path) -> None:
        """``path``: the journal's. JournalError: another process has it, or the folder cannot be written."""
        self._file = path.with_name(f"{path.name}.lock")
        try:
            self._held = sqlite3.connect(self._file, timeout=0, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise JournalError(f"{self._file}: {error}") from error
        try:
            self._held.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            self._held.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise JournalError(
                    f"{path.parent}: another process is writing its clips here: give this one a folder of its own (--output)"
                ) from error
            raise JournalError(f"{self._file}: {error}") from error
        except sqlite3.DatabaseError as error:
            self._held.close()
            raise JournalError(f"{self._file}: not the lock of this program, remove it ({error})") from error
        self._identity = identity(self._file)

    @property
    def is_in_place(self) -> bool:
        return identity(self._file) == self._identity

    def close(self) -> None:
        self._held.close()


def refuse_what_is_none(path: Path) -> None:
    """Corrupt: what SQLite would not call damaged: a folder of that name, or nothing but the file's log."""
    if path.is_dir():
        raise Corrupt(f"{path}: a folder where the journal should be")
    log = path.with_name(f"{path.name}-wal")
    if path.exists() and path.stat().st_size == 0 and log.exists() and log.stat().st_size > 0:
        raise Corrupt(f"{path}: damaged: it is empty")


MOST_SET_ASIDE = 3
_SIDES = ("-wal", "-shm")


def set_aside(path: Path, now: float, kind: str = "corrupt") -> Path:
    """Move a journal, and what SQLite keeps beside it, out of the way. Refused: the disk does not let us.

    ``MOST_SET_ASIDE`` are kept: older ones are removed, since each takes as much room as a journal.
    """
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    aside, more = path.with_name(f"{path.name}.{kind}-{stamp}"), 1
    while aside.exists():
        more += 1
        aside = path.with_name(f"{path.name}.{kind}-{stamp}-{more}")
    try:
        path.replace(aside)
        for suffix in _SIDES:
            side = path.with_name(path.name + suffix)
            if side.exists():
                side.replace(aside.with_name(aside.name + suffix))
    except OSError as error:
        raise Refused(f"{path}: damaged, and cannot be moved aside ({error.strerror})") from error
    _remove_older(path, aside)
    return aside


def _remove_older(path: Path, newest: Path) -> None:
    """By the times in their names, and of one second by their numbers. What cannot be removed stays; so does a folder."""
    pattern = re.compile(re.escape(path.name) + r"\.(?:corrupt|replaced)-(\d{8}T\d{6}Z)(?:-(\d+))?")
    found = []
    with suppress(OSError):
        found = [
            (named[1], int(named[2] or 1), each) for each in path.parent.iterdir() if (named := pattern.fullmatch(each.name))
        ]
    older = [each for *_, each in sorted(found) if each != newest]
    for each in older[: max(0, len(older) + 1 - MOST_SET_ASIDE)]:
        for name in (each.name, *(each.name + suffix for suffix in _SIDES)):
            with suppress(OSError):
                each.with_name(name).unlink()


def make_folder(path: Path) -> None:
    """Of the journal, where it is not there. Refused: it cannot be made now."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"{path.parent}: {error.strerror}") from error


def replace(part: Path, path: Path) -> None:
    """Give a finished file its name. Refused: the disk does not let us."""
    try:
        part.replace(path)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
