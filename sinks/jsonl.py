"""Alerts as lines of ``OUTPUT/CHANNEL/alerts.jsonl``: {"sequence": …, "type": …, "highlight": {…}}, synced one by one."""

import asyncio
import json
import os
from pathlib import Path
from typing import BinaryIO

from stream_processor.errors import ClipWriteError, SinkError
from stream_processor.naming import inside
from stream_processor.own_thread import in_own_thread
from stream_processor.records import Event

FILENAME = "alerts.jsonl"
OLDER = "alerts.1.jsonl"
_BLOCK = 65536


class Jsonl:
    """Appends alerts below ``folder``, each on disk when ``deliver`` returns. Passing news is not written.

    The file is opened for each alert, they are rare: it may be moved away or emptied while the program runs. One that would
    grow beyond ``max_mb`` takes the place of ``alerts.1.jsonl``, so that a channel takes at most twice as much. SinkError:
    the disk is full, the file cannot be written, the channel's folder leads out of ``folder``, or it does not answer within
    ``answer_seconds``, as one on a network whose server is away. The thread that asked is left waiting, one a channel at most.
    """

    per_channel = True
    """One channel's folder that cannot be written holds up no other's."""

    def __init__(self, folder: Path | str, max_mb: float = 64.0, answer_seconds: float = 5.0) -> None:
        self._folder = Path(folder)
        self._answer_seconds = answer_seconds
        self._unanswered: dict[str, asyncio.Task[None]] = {}
        self._max_bytes = int(max_mb * 1_000_000)

    async def __aenter__(self) -> "Jsonl":
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    async def deliver(self, event: Event) -> None:
        if not event.is_alert:
            return
        if event.channel not in self._unanswered:
            appending = asyncio.create_task(in_own_thread(lambda: self._append(event), "alerts"))
            done, _ = await asyncio.wait([appending], timeout=self._answer_seconds)
            if done:
                appending.result()
                return
            self._unanswered[event.channel] = appending
            appending.add_done_callback(lambda task: self._answered(event.channel, task))
        raise SinkError(f"{self._folder / event.channel}: the folder does not answer")

    def _answered(self, channel: str, appending: "asyncio.Task[None]") -> None:
        """Late. Whether it was written or not, the same alert comes again, and is not written twice."""
        del self._unanswered[channel]
        if not appending.cancelled():
            appending.exception()

    def _append(self, event: Event) -> None:
        try:
            path = inside(self._folder, event.channel) / FILENAME
        except ClipWriteError as error:
            raise SinkError(str(error)) from error
        line = {"sequence": event.sequence, "type": event.type, "highlight": event.payload}
        data = json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=dict, allow_nan=False).encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not _append_to(path, data + b"\n", self._max_bytes):
                path.replace(path.with_name(OLDER))
                _append_to(path, data + b"\n", self._max_bytes)
        except OSError as error:
            raise SinkError(f"{path}: {error.strerror}") from error


def _append_to(path: Path, line: bytes, max_bytes: int) -> bool:
    """False: the file has no room for it. One that is empty has."""
    with path.open("r+b" if path.exists() else "x+b") as file:
        # The same alert comes again when the program was killed before the outbox could note that it is here.
        is_there = _repaired_tail(file) == line[:-1]
        if not is_there and file.tell() and file.tell() + len(line) > max_bytes:
            return False
        if not is_there:
            file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return True


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
