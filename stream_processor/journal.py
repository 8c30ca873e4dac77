"""The run's memory on disk: panes, highlights, alerts. asyncio in front, one thread of its own behind (``ledger``).

Panes are written in batches, at the latest after ``flush_seconds``, and always together with whatever is written next: a
decision is never on disk without the panes it was made from. Everything else returns once it is safely written.

A disk that refuses (full, read-only) is asked again until it takes what waits, in order; callers wait for that, so that decisions
stop rather than get lost. Only at the end of a run (``hurry``) is that given up.

Bounds: ``_MAX_CALLS`` calls wait for the thread, further callers wait for them; ``_MAX_PANES`` panes are held back.
Nothing is dropped.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import structlog

from stream_processor import journal_file, naming, rows
from stream_processor.errors import JournalError
from stream_processor.ledger import Corrupt, Ledger, Refused
from stream_processor.records import Clip, Epoch, Event, Highlight, PaneScore, Window
from stream_processor.rows import Alert, Run, SavedHighlight, State

FILENAME = naming.JOURNAL
_MAX_CALLS = 32
_MAX_PANES = 256
_SECONDS_PER_DAY = 86400.0
_RETRY_SECONDS = 1.0
_LAST_RETRIES = 3
_REMIND_EVERY = 60
"""Retries between two lines in the log."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Journal:
    """``async with Journal.open(path) as journal``. Any method may raise JournalError: one line with the file's name."""

    def __init__(
        self,
        path: Path,
        *,
        flush_seconds: float = 1.0,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.set_aside: Path | None = None
        """Where a damaged journal was moved when this one was opened."""
        self._path = path
        self._flush_seconds = flush_seconds
        self._now = now
        self._panes: list[tuple[str, PaneScore]] = []
        self._listeners: list[Callable[[int], None]] = []
        self._sleep = sleep
        self._turn = asyncio.Lock()  # writers keep their order while one of them waits for the disk
        self._retries_left: int | None = None  # None: for ever

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        flush_seconds: float = 1.0,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> "Journal":
        """``now`` is UTC in seconds since 1970. Opening happens on entering the context."""
        return cls(path, flush_seconds=flush_seconds, now=now, sleep=sleep)

    def hurry(self) -> None:
        """The run ends: a disk that still refuses after ``_LAST_RETRIES`` more tries is a JournalError."""
        if self._retries_left is None:
            self._retries_left = _LAST_RETRIES

    async def __aenter__(self) -> "Journal":
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._slots = asyncio.Semaphore(_MAX_CALLS)
        try:
            await self._in_thread(self._open)
        except JournalError:
            self._thread.shutdown()
            raise
        self._flusher = self._begin_to_flush()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._flusher.cancel()
        self.hurry()
        try:
            with suppress(asyncio.CancelledError, Refused):  # the panes that it gave up are tried once more
                await self._flusher
            if self._panes:
                await self._transaction(lambda: None)
        finally:
            await self._in_thread(self._close)
            self._thread.shutdown()

    # ---- runs

    async def begin_run(
        self,
        channel: str,
        source: str,
        started_at: datetime,
        settings: Mapping[str, Any],
        *,
        signals: Mapping[str, str],
        baseline: Sequence[Window] = (),
    ) -> str:
        """The run's id. ``source`` is redacted; ``settings`` can be written as JSON; ``signals``: signal -> scorer kind.

        Returns ``new_run_id(started_at)``.
        """
        run_id = new_run_id(started_at)
        run = Run(run_id, channel, source, started_at, None, settings, tuple(baseline), signals)
        await self._write(self._ledger.add_run, run)
        return run_id

    async def end_run(self, run_id: str) -> None:
        await self._write(self._ledger.end_run, run_id, datetime.fromtimestamp(self._now(), UTC))

    async def run(self, run_id: str) -> Run | None:
        return next((run for run in await self._read(self._ledger.runs) if run.id == run_id), None)

    async def add_epoch(self, run_id: str, epoch: Epoch) -> None:
        await self._write(self._ledger.add_epoch, run_id, epoch)

    async def epoch(self, run_id: str, number: int) -> Epoch | None:
        return await self._read(self._ledger.epoch, run_id, number)

    async def add_pane(self, run_id: str, pane: PaneScore) -> None:
        """Returns at once but for every ``_MAX_PANES``-th pane."""
        self._panes.append((run_id, pane))
        if len(self._panes) >= _MAX_PANES:
            await self.flush()

    async def flush(self) -> None:
        """Write the panes that are held back."""
        await self._write(lambda: None)

    # ---- highlights and alerts

    async def save_highlight(
        self,
        run_id: str,
        channel: str,
        highlight: Highlight,
        state: State,
        clip: Clip | None = None,
        reason: str | None = None,
        *,
        alert: tuple[Alert, Mapping[str, Any]] | None = None,
    ) -> Event | None:
        """Save what the highlight is now and, in the same transaction, the alert (type, payload) that tells of it.

        ``reason`` says why there is no clip. Once a highlight is "done" nothing more is taken: JournalError.
        """
        saved = SavedHighlight(run_id, channel, state, highlight, clip, reason)
        return await self._write_alert(channel, alert, saved)

    async def append(self, channel: str, type: Alert, payload: Mapping[str, Any]) -> Event:
        """Add an alert on its own."""
        event = await self._write_alert(channel, (type, payload), None)
        assert event is not None  # an alert was given
        return event

    async def unfinished(self) -> list[SavedHighlight]:
        """Highlights that never came to their `end`: a restart completes them."""
        return await self._read(self._ledger.unfinished)

    # ---- what the outbox needs

    def subscribe(self, listener: Callable[[int], None]) -> None:
        """``listener`` is called in the event loop with the sequence of each alert that is safely written."""
        self._listeners.append(listener)

    async def events_after(self, sequence: int, limit: int = 64, channel: str | None = None) -> list[Event]:
        """Of all channels, or of one."""
        return await self._read(self._ledger.events_after, sequence, limit, channel)

    async def last_sequence(self) -> int:
        return await self._read(self._ledger.last_sequence)

    async def cursor(self, sink: str) -> int:
        """Up to where ``sink`` has everything; one never seen before begins with what comes from now on."""
        return await self._write(self._ledger.cursor, sink)

    async def move_cursor(self, sink: str, sequence: int) -> None:
        await self._write(self._ledger.move_cursor, sink, sequence)

    async def held(self, sink: str) -> dict[str, tuple[int, int]]:
        """Channel -> up to where ``sink`` has its alerts, and how many more its cursor has passed, for those that it refused."""
        return await self._read(self._ledger.held, sink)

    async def hold(self, sink: str, channel: str, sequence: int) -> None:
        """``sink`` has this channel's alerts up to ``sequence``, wherever its cursor is."""
        await self._write(self._ledger.hold, sink, channel, sequence)

    async def release(self, sink: str, channel: str) -> None:
        """The cursor is right for this channel again."""
        await self._write(self._ledger.release, sink, channel)

    async def expire(self, max_days: float, sinks: Sequence[str]) -> dict[str, int]:
        """Forget alerts older than ``max_days``; sink -> how many it never got."""
        return await self._write(self._ledger.expire, self._now() - max_days * _SECONDS_PER_DAY, sinks)

    # ---- baselines

    async def keep_baseline(self, channel: str, windows: Sequence[Window], kinds: Mapping[str, str]) -> None:
        """Replace what the channel's next run starts from. ``kinds``: signal -> what measured it, at the last."""
        await self._write(self._ledger.keep_baseline, channel, windows, dict(kinds))

    async def baseline(self, channel: str, kinds: Mapping[str, str]) -> tuple[Window, ...]:
        """What an earlier run kept, of the signals whose kind is in ``kinds`` what it was then; nothing if none is."""
        return await self._read(self._ledger.baseline, channel, dict(kinds))

    # ---- the thread

    async def _write_alert(
        self, channel: str, alert: tuple[Alert, Mapping[str, Any]] | None, saved: SavedHighlight | None
    ) -> Event | None:
        created_at = self._now()
        payload = rows.dump(alert[1]) if alert is not None else ""

        def together() -> int:
            if saved is not None:
                self._ledger.save_highlight(saved)
            return self._ledger.append(alert[0], channel, payload, created_at) if alert is not None else 0

        sequence = await self._write(together)
        if alert is None:
            return None
        for listener in self._listeners:
            listener(sequence)
        return Event(alert[0], channel, alert[1], sequence, created_at)

    def _begin_to_flush(self) -> asyncio.Task[None]:
        return asyncio.create_task(self._flush_regularly(), name="journal")

    async def _flush_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._flush_seconds)
            if self._panes:
                await self.flush()

    async def _write(self, function: Callable[..., T], *values: Any) -> T:
        if self._flusher.done():
            self._flusher.result()  # what it could not write is an error of the run, not a silent end
        return await self._transaction(function, *values)

    async def _transaction(self, function: Callable[..., T], *values: Any) -> T:
        async with self._turn:
            refusals = 0
            while True:
                try:
                    result = await self._try(function, values)
                except Refused as error:
                    await self._wait_for_the_disk(error, waited=refusals)
                    refusals += 1
                    continue
                if refusals:
                    log.warning("the journal can be written again: nothing was lost")
                return result

    async def _try(self, function: Callable[..., T], values: Sequence[Any]) -> T:
        """One transaction, with the panes that are held back. A caller that is cancelled waits for its end all the same."""
        panes = tuple(self._panes)

        def together() -> T:
            with self._ledger.transaction():
                self._ledger.add_panes(panes)
                return function(*values)

        task = asyncio.ensure_future(self._in_thread(together))
        try:
            return await asyncio.shield(task)
        finally:
            await asyncio.wait([task])
            if task.exception() is None:
                del self._panes[: len(panes)]

    async def _wait_for_the_disk(self, error: Refused, *, waited: int) -> None:
        if self._retries_left is not None:
            if self._retries_left == 0:
                raise error
            self._retries_left -= 1
        if waited % _REMIND_EVERY == 0:
            log.error("the journal cannot be written: waiting for the disk", reason=str(error))
        await self._sleep(_RETRY_SECONDS)

    async def _read(self, function: Callable[..., T], *values: Any) -> T:
        return await self._in_thread(function, *values)

    async def _in_thread(self, function: Callable[..., T], *values: Any) -> T:
        async with self._slots:
            return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: function(*values))

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JournalError(f"{self._path.parent}: {error.strerror}") from error
        self._lock = journal_file.lock(self._path)
        try:
            self._ledger = self._open_ledger()
        except JournalError:
            self._lock.close()
            raise

    def _open_ledger(self) -> Ledger:
        try:
            return Ledger(self._path)
        except Corrupt:
            self.set_aside = journal_file.set_aside(self._path, self._now())
            return Ledger(self._path)

    def _close(self) -> None:
        self._ledger.close()
        self._lock.close()


def new_run_id(started_at: datetime) -> str:
    """Ids sort by time: seconds since 1970 and 48 random bits, in hexadecimal digits. Hundreds of channels may begin at once."""
    return f"{int(started_at.timestamp()):x}{secrets.token_hex(6)}"
