"""What SQLite raises, as one line with the file's name, and sorted by what helps: waiting, a new file, or nothing."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stream_processor.errors import JournalError


class Corrupt(JournalError):
    """The file is no database, or a damaged one."""


class Refused(JournalError):
    """Not now: the disk is full, read-only or failing, or another program has locked the file. The same may be tried again."""


_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_REFUSALS = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, *_LOCKED}
_DAMAGES = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """JournalError, Corrupt or Refused instead of what SQLite raises."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", None)
        kind = None if code is None else code & 0xFF  # the rest says it more closely
        if kind in _DAMAGES or (kind is None and "decode" in str(error)):  # Python's own: a text that is no UTF-8
            raise Corrupt(f"{path}: damaged, or not a journal ({error})") from error
        if kind in _LOCKED:
            raise Refused(f"{path}: locked by another program ({error})") from error
        if kind in _REFUSALS:
            raise Refused(f"{path}: {error}") from error
        raise JournalError(f"{path}: {error}") from error


@contextmanager
def legible(path: Path) -> Iterator[None]:
    """Corrupt: what was read from a row makes no sense. SQLite has no checksums; this alone tells a flipped byte in a text."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Corrupt(f"{path}: damaged: a row makes no sense ({type(error).__name__}: {error})") from error
