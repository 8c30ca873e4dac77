"""The journal's file among others: one process at a time, and out of the way when it is damaged."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from stream_processor.errors import JournalError


def lock(path: Path) -> sqlite3.Connection:
    """Keep a second process off this output folder. An SQLite transaction on an empty file beside the journal is the lock:
    it works on every system, ends with the process, and leaves the journal itself open to readers.
    """
    file = path.with_name(f"{path.name}.lock")
    try:
        held = sqlite3.connect(file, timeout=0, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise JournalError(f"{file}: {error}") from error
    try:
        held.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        held.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise JournalError(
                f"{path.parent}: another process is writing its clips here: give this one a folder of its own (--output)"
            ) from error
        raise JournalError(f"{file}: {error}") from error
    return held


def set_aside(path: Path, now: float) -> Path:
    """Move a damaged journal, and what SQLite keeps beside it, out of the way; nothing is deleted."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    try:
        path.replace(aside)
        for suffix in ("-wal", "-shm"):
            side = path.with_name(path.name + suffix)
            if side.exists():
                side.replace(aside.with_name(aside.name + suffix))
    except OSError as error:
        raise JournalError(f"{path}: damaged, and cannot be moved aside ({error.strerror})") from error
    return aside
