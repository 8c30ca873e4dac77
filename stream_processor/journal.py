"""The run's memory on disk: panes, highlights, alerts. asyncio in front, one thread of its own behind (``journal_keeper``).

Panes are written in batches, at the latest after ``flush_seconds``, and always together with whatever is written next: a
decision is never on disk without the panes it was made from. Everything else returns once it is safely written.

A disk that refuses (full, read-only) makes callers wait until it takes what waits, in order, so that decisions stop rather than
get lost; only at the end of a run (``hurry``) is that given up. A file that is damaged or gone is replaced by a new one.

Bound: ``_MAX_PANES`` panes are held back, besides what ``journal_keeper`` states. Nothing is dropped.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from stream_processor import naming
from stream_processor.finishing.draft import Draft
from stream_processor.journaling import rows
from stream_processor.journaling.journal_errors import Refused
from stream_processor.journaling.journal_keeper import Keeper
from stream_processor.journaling.journal_memory import Memory
from stream_processor.journaling.ledger import Ledger
from stream_processor.journaling.pruning import Pruned
from stream_processor.journaling.rows import Alert, Run, SavedHighlight, State
from stream_processor.records import Clip, Epoch, Event, Highlight, PaneScore, Window

FILENAME = naming.JOURNAL
_MAX_PANES = 256
_SECONDS_PER_DAY = 86400.0

T = TypeVar("T")


class Journal:
    """``async with Journal.open(path) as journal``. Any method may raise JournalError: one line with the file's name."""

    def __init__(
        self,
        path: Path,
        *,
        flush_seconds: float = 1.0,
        now: Callable[[], float] = time.time,
        aging: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._keeper = Keeper(path, now, sleep)
        self._flush_seconds = flush_seconds
        self._now = now
        self._aging = aging or now
        self._panes: list[tuple[str, PaneScore]] = []
        self._listeners: list[Callable[[int], None]] = []

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        flush_seconds: float = 1.0,
        now: Callable[[], float] = time.time,
        aging: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> "Journal":
        """``now`` is UTC in seconds since 1970, ``aging`` the same for what expires. Opening happens on entering the context."""
        return cls(path, flush_seconds=flush_seconds, now=now, aging=aging, sleep=sleep)

    @property
    def set_aside(self) -> Path | None:
        """Where a damaged journal was moved, at opening or since."""
        return self._keeper.set_aside

    def hurry(self) -> None:
        """The run ends: a disk that still refuses after three more tries is a JournalError."""
        self._keeper.hurry()

    async def __aenter__(self) -> "Journal":
        await self._keeper.open()
        self._flusher = self._begin_to_flush()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._flusher.cancel()
        self.hurry()
        try:
            with suppress(asyncio.CancelledError, Refused):  # the panes that it gave up are tried once more
                await self._flusher
            if self._panes:
                await self._transaction(lambda _: None)
        finally:
            await self._keeper.close()

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
        await self._write(lambda ledger: ledger.add_run(run), lambda memory, _: memory.begin_run(run))
        return run_id

    async def end_run(self, run_id: str) -> None:
        ended_at = datetime.fromtimestamp(self._now(), UTC)
        await self._write(lambda ledger: ledger.end_run(run_id, ended_at), lambda memory, _: memory.end_run(run_id))

    async def run(self, run_id: str) -> Run | None:
        return next((run for run in await self._keeper.read(Ledger.runs) if run.id == run_id), None)

    async def add_epoch(self, run_id: str, epoch: Epoch) -> None:
        await self._write(lambda ledger: ledger.add_epoch(run_id, epoch), lambda memory, _: memory.epoch(run_id, epoch))

    async def epoch(self, run_id: str, number: int) -> Epoch | None:
        return await self._keeper.read(lambda ledger: ledger.epoch(run_id, number))

    async def add_pane(self, run_id: str, pane: PaneScore) -> None:
        """Returns at once but for every ``_MAX_PANES``-th pane."""
        self._panes.append((run_id, pane))
        if len(self._panes) >= _MAX_PANES:
            await self.flush()

    async def flush(self) -> None:
        """Write the panes that are held back."""
        await self._write(lambda _: None)

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
        draft: Draft | None = None,
        alert: tuple[Alert, Mapping[str, Any]] | None = None,
    ) -> Event | None:
        """Save what the highlight is now and, in the same transaction, the alert (type, payload) that tells of it.

        ``reason`` says why there is no clip, ``draft`` where it is to begin and end. Once a highlight is "done" nothing more is
        taken: JournalError.
        """
        saved = SavedHighlight(run_id, channel, state, highlight, clip, reason, draft)
        return await self._write_alert(channel, alert, saved)

    async def append(self, channel: str, type: Alert, payload: Mapping[str, Any]) -> Event:
        """Add an alert on its own."""
        event = await self._write_alert(channel, (type, payload), None)
        assert event is not None  # an alert was given
        return event

    async def unfinished(self) -> list[SavedHighlight]:
        """Highlights that never came to their `end`: a restart completes them."""
        return await self._keeper.read(Ledger.unfinished)

    # ---- what the outbox needs

    def subscribe(self, listener: Callable[[int], None]) -> None:
        """``listener`` is called in the event loop with the sequence of each alert that is safely written."""
        self._listeners.append(listener)

    async def events_after(self, sequence: int, limit: int = 64, channel: str | None = None) -> list[Event]:
        """Of all channels, or of one."""
        return await self._keeper.read(lambda ledger: ledger.events_after(sequence, limit, channel))

    async def last_sequence(self) -> int:
        return await self._keeper.read(Ledger.last_sequence)

    async def cursor(self, sink: str) -> int:
        """Up to where ``sink`` has everything; one never seen before begins with what comes from now on."""
        return await self._write(lambda ledger: ledger.cursor(sink), lambda memory, cursor: memory.moved(sink, cursor))

    async def move_cursor(self, sink: str, sequence: int) -> None:
        await self._write(lambda ledger: ledger.move_cursor(sink, sequence), lambda memory, _: memory.moved(sink, sequence))

    async def held(self, sink: str) -> dict[str, tuple[int, int]]:
        """Channel -> up to where ``sink`` has its alerts, and how many more its cursor has passed, for those that it refused."""
        return await self._keeper.read(lambda ledger: ledger.held(sink))

    async def hold(self, sink: str, channel: str, sequence: int) -> None:
        """``sink`` has this channel's alerts up to ``sequence``, wherever its cursor is."""
        await self._write(
            lambda ledger: ledger.hold(sink, channel, sequence), lambda memory, _: memory.holds(sink, channel, sequence)
        )

    async def release(self, sink: str, channel: str) -> None:
        """The cursor is right for this channel again."""
        await self._write(lambda ledger: ledger.release(sink, channel), lambda memory, _: memory.releases(sink, channel))

    async def expire(self, max_days: float, sinks: Sequence[str]) -> dict[str, int]:
        """Forget alerts older than ``max_days``; sink -> how many it never got."""
        now, created_before = self._now(), self._aging() - max_days * _SECONDS_PER_DAY

        def together(ledger: Ledger) -> dict[str, int]:
            ledger.redate(now)
            return ledger.expire(created_before, sinks)

        return await self._write(together, lambda memory, _: memory.expire(created_before))

    async def prune(self, days: float) -> Pruned:
        """Forget a little of what is older than that; nothing when all of it is gone."""
        before = datetime.fromtimestamp(self._now(), UTC) - timedelta(days=days)
        return await self._write(lambda ledger: ledger.prune(before))

    # ---- baselines

    async def keep_baseline(self, channel: str, windows: Sequence[Window], kinds: Mapping[str, str]) -> None:
        """Replace what the channel's next run starts from. ``kinds``: signal -> what measured it, at the last."""
        await self._write(lambda ledger: ledger.keep_baseline(channel, windows, dict(kinds)))

    async def baseline(self, channel: str, kinds: Mapping[str, str]) -> tuple[Window, ...]:
        """What an earlier run kept, of the signals whose kind is in ``kinds`` what it was then; nothing if none is."""
        return await self._keeper.read(lambda ledger: ledger.baseline(channel, dict(kinds)))

    # ---- writing

    async def _write_alert(
        self, channel: str, alert: tuple[Alert, Mapping[str, Any]] | None, saved: SavedHighlight | None
    ) -> Event | None:
        created_at = self._now()
        payload = rows.dump(alert[1]) if alert is not None else ""

        def together(ledger: Ledger) -> int:
            if saved is not None:
                ledger.save_highlight(saved)
            return ledger.append(alert[0], channel, payload, created_at) if alert is not None else 0

        def remember(memory: Memory, sequence: int) -> None:
            if saved is not None:
                memory.highlight(saved)
            if alert is not None:
                memory.alert(sequence, alert[0], channel, payload, created_at)

        sequence = await self._write(together, remember)
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

    async def _write(self, function: Callable[[Ledger], T], remember: Callable[[Memory, T], None] | None = None) -> T:
        if self._flusher.done():
            self._flusher.result()  # what it could not write is an error of the run, not a silent end
        return await self._transaction(function, remember)

    async def _transaction(self, function: Callable[[Ledger], T], remember: Callable[[Memory, T], None] | None = None) -> T:
        """Together with the panes that are held back."""

        def together(ledger: Ledger) -> tuple[int, T]:
            panes = tuple(self._panes)  # more may be added meanwhile, but at the end
            ledger.add_panes(panes)
            return len(panes), function(ledger)

        def written(memory: Memory, result: tuple[int, T]) -> None:
            del self._panes[: result[0]]
            if remember is not None:
                remember(memory, result[1])

        _, result = await self._keeper.write(together, written)
        return result


def new_run_id(started_at: datetime) -> str:
    """Ids sort by time: seconds since 1970 and 48 random bits, in hexadecimal digits. Hundreds of channels may begin at once."""
    return f"{int(started_at.timestamp()):x}{secrets.token_hex(6)}"
