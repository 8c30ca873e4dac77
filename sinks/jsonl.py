"""Alerts as lines of ``OUTPUT/CHANNEL/alerts.jsonl``: {"sequence": …, "type": …, "highlight": {…}}, synced one by one."""

import asyncio
import json
import os
from pathlib import Path
from typing import BinaryIO

from stream_processor.errors import ClipWriteError, SinkError
from stream_processor.naming import inside
from stream_processor.records import Event

FILENAME = "alerts.jsonl"
_BLOCK = 65536


class Jsonl:
    """Appends alerts below ``folder``, each on disk when ``deliver`` returns. Passing news is not written.

    The file is opened for each alert, they are rare: it may be moved away or emptied while the program runs. SinkError:
    the disk is full, the file cannot be written, or the channel's folder leads out of ``folder``.
    """

    per_channel = True
    """One channel's folder that cannot be written holds up no other's."""

    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)

    async def __aenter__(self) -> "Jsonl":
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    async def deliver(self, event: Event) -> None:
        if event.is_alert:
            await asyncio.to_thread(self._append, event)

    def _append(self, event: Event) -> None:
        try:
            path = inside(self._folder, event.channel) / FILENAME
        except ClipWriteError as error:
            raise SinkError(str(error)) from error
        line = {"sequence": event.sequence, "type": event.type, "highlight": event.payload}
        data = json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=dict, allow_nan=False).encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("r+b" if path.exists() else "x+b") as file:
                # The same alert comes again when the program was killed before the outbox could note that it is here.
                if _repaired_tail(file) != data:
                    file.write(data + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SinkError(f"{path}: {error.strerror}") from error


def _repaired_tail(file: BinaryIO) -> bytes:
    """The last whole line, without its end. A torn one behind it, from a crash or a full disk, is cut off; its alert comes again.

    Leaves the file's position at its end.
    """
    end = file.seek(0, os.SEEK_END)
    start, tail = end, b""
    while start > 0 and b"\n" not in tail.rstrip(b"\n"):
        start = max(0, start - _BLOCK)
        file.seek(start)
        tail = file.read(end - start)
    whole, newline, rest = tail.rpartition(b"\n")
    if rest and _is_json(rest):  # whole but for its end: an editor's doing, or the very last byte was lost
        file.write(b"\n")
        return rest
    if rest:
        file.seek(end - len(rest))
        file.truncate()
        file.seek(0, os.SEEK_END)
    return (whole + newline).rstrip(b"\n").rpartition(b"\n")[2]


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
