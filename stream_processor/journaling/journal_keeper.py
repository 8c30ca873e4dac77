"""The journal's file and the one thread that works on it, whatever becomes of the file meanwhile.

A disk that refuses (full, read-only, failing, the file locked by another program) is asked again until it takes what waits, in
order; callers wait for that. Only at the end of a run (``hurry``) is it given up.

A file that turns out damaged is set aside, at opening or in the middle of a run; one that was removed, or moved away with its
folder, is made anew where it was. The new one begins with what could be saved (``journal_salvage``) and with what this process
knows (``journal_memory``), and the run goes on.

Bound: ``_MAX_CALLS`` calls wait for the thread, further callers wait for them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import structlog

from stream_processor.errors import JournalError
from stream_processor.journaling import journal_file
from stream_processor.journaling.journal_errors import Corrupt, Refused, explained, legible
from stream_processor.journaling.journal_memory import Memory
from stream_processor.journaling.journal_salvage import salvage
from stream_processor.journaling.ledger import Ledger

_MAX_CALLS = 32
_RETRY_SECONDS = 1.0
_LAST_RETRIES = 3
_REMIND_EVERY = 60
"""Retries between two lines in the log, and between two attempts to begin anew for the same call."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Keeper:
    """``read`` and ``write`` are called in the event loop with what is to be done to the ledger, in the thread.

    ``now`` is UTC in seconds since 1970, for the names of files set aside.
    """

    def __init__(self, path: Path, now: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self.set_aside: Path | None = None
        """Where a damaged journal was moved, the last one."""
        self._path = path
        self._now = now
        self._sleep = sleep
        self._memory = Memory()
        self._ledger: Ledger | None = None
        self._damaged: Path | None = None  # set aside, and not looked through yet
        self._turn = asyncio.Lock()  # writers keep their order while one of them waits for the disk
        self._retries_left: int | None = None  # None: for ever

    async def open(self) -> None:
        """JournalError: in use by another process, of a newer version, somebody else's, or the disk refuses."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._slots = asyncio.Semaphore(_MAX_CALLS)
        try:
            await self._in_thread(self._open)
        except JournalError:
            self._thread.shutdown()
            raise

    async def close(self) -> None:
        await self._in_thread(self._close)
        self._thread.shutdown()

    def hurry(self) -> None:
        """The run ends: a disk that still refuses after ``_LAST_RETRIES`` more tries is a JournalError."""
        if self._retries_left is None:
            self._retries_left = _LAST_RETRIES

    async def write(self, function: Callable[[Ledger], T], remember: Callable[[Memory, T], None] | None = None) -> T:
        """One transaction, in the order of the calls. ``remember`` is told its result once it is safely written.

        A caller that is cancelled waits for the end of what the thread has begun.
        """

        def transaction() -> T:
            ledger = self._ready()
            with ledger.transaction():
                result = function(ledger)
            if remember is not None:
                remember(self._memory, result)
            return result

        async with self._turn:
            return await self._until_taken(transaction)

    async def read(self, function: Callable[[Ledger], T]) -> T:
        def look() -> T:
            ledger = self._ready()
            with explained(self._path), legible(self._path):
                return function(ledger)

        return await self._until_taken(look)

    async def _until_taken(self, call: Callable[[], T]) -> T:
        waits = 0
        began_anew = False
        while True:
            try:
                result = await self._to_its_end(call)
            except Corrupt as error:
                if began_anew:  # again, at once: this disk damages whatever it is given
                    await self._wait_for_the_disk(error, waited=waits)
                    began_anew = waits % _REMIND_EVERY != _REMIND_EVERY - 1
                else:
                    began_anew = True
                    await self._set_aside(error)
                    continue
            except Refused as error:
                await self._wait_for_the_disk(error, waited=waits)
            else:
                if waits:
                    log.warning("the journal can be written again: nothing was lost")
                return result
            waits += 1

    async def _set_aside(self, error: Corrupt) -> None:
        with suppress(Refused):  # then the next attempt meets the damage again
            await self._in_thread(lambda: self._give_up_file(error))

    async def _to_its_end(self, call: Callable[[], T]) -> T:
        task = asyncio.ensure_future(self._in_thread(call))
        try:
            return await asyncio.shield(task)
        finally:
            await asyncio.wait([task])

    async def _wait_for_the_disk(self, error: JournalError, *, waited: int) -> None:
        if self._retries_left is not None:
            if self._retries_left == 0:
                raise error
            self._retries_left -= 1
        if waited % _REMIND_EVERY == 0:
            log.error("the journal cannot be written: waiting for the disk", reason=str(error))
        await self._sleep(_RETRY_SECONDS)

    async def _in_thread(self, function: Callable[[], T]) -> T:
        async with self._slots:
            return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    # ---- in the thread

    def _open(self) -> None:
        journal_file.make_folder(self._path)
        self._lock = journal_file.Lock(self._path)
        try:
            try:
                journal_file.refuse_what_is_none(self._path)
                self._take(Ledger(self._path))
            except Corrupt as error:
                self._give_up_file(error)
                self._ready()
        except JournalError:
            self._lock.close()
            raise

    def _close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
        self._lock.close()

    def _take(self, ledger: Ledger) -> None:
        self._ledger, self._file = ledger, journal_file.identity(self._path)

    def _ready(self) -> Ledger:
        """The ledger, made anew where it has to be. JournalError, mostly Refused: not now."""
        if self._ledger is not None and journal_file.identity(self._path) != self._file:
            self._move_back(self._ledger)
        if self._ledger is None:
            self._begin_anew()
        assert self._ledger is not None
        return self._ledger

    def _give_up_file(self, error: Corrupt) -> None:
        """Out of the way with it; ``_ready`` begins a new one."""
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None
        if journal_file.identity(self._path) is not None:
            self._damaged = self.set_aside = journal_file.set_aside(self._path, self._now())
            log.error("the journal is damaged: it is set aside, a new one begins", kept_as=self._damaged.name, reason=str(error))

    def _begin_anew(self) -> None:
        self._renew_lock()
        ledger = Ledger(self._path)
        try:
            with ledger.transaction():
                saved = salvage(self._damaged, ledger) if self._damaged is not None else 0
                self._memory.write(ledger)
        except BaseException:
            ledger.close()
            raise
        if self._damaged is not None:
            log.warning("of the damaged journal was saved what could be read, panes left aside", rows=saved)
        self._damaged = None
        self._take(ledger)

    def _move_back(self, ledger: Ledger) -> None:
        """The open file has lost its name: all of it is copied to where it should be. What stands there instead is set aside."""
        self._renew_lock()
        part = self._path.with_name(f".{self._path.name}.part")
        part.unlink(missing_ok=True)
        try:
            ledger.copy_to(part)
            if self._path.exists():
                journal_file.set_aside(self._path, self._now(), "replaced")
            journal_file.replace(part, self._path)
        finally:
            part.unlink(missing_ok=True)
        ledger.close()
        self._ledger = None
        self._take(Ledger(self._path))
        log.error("the journal was removed or replaced: it is made anew where it was, nothing was lost", file=str(self._path))

    def _renew_lock(self) -> None:
        """The lock is a file as well. Refused: somebody else has the folder now."""
        journal_file.make_folder(self._path)
        if self._lock.is_in_place:
            return
        try:
            lock = journal_file.Lock(self._path)
        except JournalError as error:
            raise Refused(str(error)) from error
        self._lock.close()
        self._lock = lock
