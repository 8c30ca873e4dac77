"""Keeps the output folder and the journal within their bounds, beside everything else: a thin shell around ``retention``,
``shelf`` and ``pruning``. A round at the start, every hour and, where clips have a bound in size, after each alert, for a clip
may have been written. Whatever fails in it is said and tried again in the next one; it never ends the program.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import structlog

from stream_processor.errors import JournalError
from stream_processor.journaling.pruning import Pruned
from stream_processor.journaling.rows import SavedHighlight
from stream_processor.operations.retention import KeptClip, choose
from stream_processor.operations.shelf import Shelf
from stream_processor.own_thread import in_own_thread
from stream_processor.settings import OutputSettings

_EVERY_SECONDS = 3600.0
_PAUSE_SECONDS = 5.0
"""Between two rounds, however many clips are written."""
_JUMP_SECONDS = 3600.0
"""A wall clock that went so much further than time itself is believed only in the next round."""
_BREATH_SECONDS = 0.05
"""Between two transactions of pruning: others come in between."""
_DAY_SECONDS = 86400.0
_GB, _MB = 1e9, 1e6

log = structlog.get_logger(__name__)


class Records(Protocol):
    """What it needs of the journal."""

    def subscribe(self, listener: Callable[[int], None]) -> None: ...
    async def unfinished(self) -> Sequence[SavedHighlight]: ...
    async def prune(self, days: float) -> Pruned: ...


@dataclass
class _Tidied:
    """What a round did to the clips."""

    old: list[KeptClip] = field(default_factory=list)
    excess: list[KeptClip] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    over_bytes: int = 0


class Housekeeping:
    """``async with Housekeeping(output, settings, journal)``. ``now`` is UTC in seconds since 1970, ``clock`` monotonic."""

    def __init__(
        self,
        output: Path,
        settings: OutputSettings,
        journal: Records,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._shelf = Shelf(output)
        self._now = now
        self._clock = clock
        self._wake = asyncio.Event()
        self._stopping = threading.Event()
        self._seen: tuple[float, float] | None = None
        self._said: set[str] = set()
        self.clips_removed = 0

    async def __aenter__(self) -> "Housekeeping":
        if self._settings.max_gb:
            self._journal.subscribe(lambda _: self._wake.set())
        self._task = asyncio.create_task(self._run(), name="housekeeping")
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._stopping.set()
        self._task.cancel()
        await asyncio.wait([self._task])

    async def look_after(self) -> None:
        """The hourly round."""
        await self._attempt(self.look_after_clips)
        await self._attempt(self.look_after_journal)
        self._seen = (self._now(), self._clock())

    async def look_after_clips(self) -> None:
        """Remove those that are over a bound, and say how many."""
        settings, trusts_clock = self._settings, self._trusts_clock()
        if not (settings.max_gb or (settings.max_days and trusts_clock)):
            return
        busy = {saved.highlight.id for saved in await self._journal.unfinished()}
        max_seconds = settings.max_days * _DAY_SECONDS if settings.max_days and trusts_clock else None
        max_bytes = int(settings.max_gb * _GB) if settings.max_gb else None
        tidied = await in_own_thread(lambda: self._remove(busy, max_seconds, max_bytes), "housekeeping")
        self._tell(tidied)

    async def look_after_journal(self) -> None:
        """Forget what is older than ``output.journal_days``, and say how much."""
        gone = Pruned()
        if self._settings.journal_days and self._trusts_clock():
            while (step := await self._journal.prune(self._settings.journal_days)) != Pruned():
                gone += step
                await asyncio.sleep(_BREATH_SECONDS)
        if gone != Pruned():
            numbers = {"panes": gone.panes, "highlights": gone.highlights, "runs": gone.runs}
            log.info("the journal has forgotten what was older than output.journal_days", **numbers)

    async def _run(self) -> None:
        while True:
            due_at = self._clock() + _EVERY_SECONDS
            await self.look_after()
            while self._clock() < due_at:
                await asyncio.sleep(_PAUSE_SECONDS)
                if self._wake.is_set():
                    self._wake.clear()
                    await self._attempt(self.look_after_clips)

    async def _attempt(self, chore: Callable[[], Awaitable[None]]) -> None:
        try:
            await chore()
        except JournalError as error:  # the journal says itself what is wrong with its disk
            log.debug("housekeeping could not ask the journal", reason=str(error))
        except OSError as error:
            self._say_once("the output folder cannot be looked through", error.strerror or str(error))
        except Exception:
            log.exception("housekeeping failed; it is tried again")

    def _trusts_clock(self) -> bool:
        """Not just after a jump ahead: nothing is thrown away for a clock that may be wrong."""
        if self._seen is None:
            return True
        wall, monotonic = self._seen
        jumped_seconds = (self._now() - wall) - (self._clock() - monotonic)
        return jumped_seconds < _JUMP_SECONDS

    # ---- in a thread of its own

    def _remove(self, busy: Collection[str], max_seconds: float | None, max_bytes: int | None) -> _Tidied:
        tidied = _Tidied()
        choice = choose(self._shelf.clips(), now=self._now(), max_seconds=max_seconds, max_bytes=max_bytes, busy=busy)
        left_bytes = choice.left_bytes
        for chosen, removed in ((choice.old, tidied.old), (choice.excess, tidied.excess)):
            for clip in chosen:
                if self._stopping.is_set():
                    return tidied
                try:
                    self._shelf.remove(clip)
                except OSError as error:
                    tidied.refused.append(f"{clip.sidecar.parent.name}/{clip.sidecar.stem}: {error.strerror or error}")
                    left_bytes += clip.size_bytes
                else:
                    removed.append(clip)
        tidied.over_bytes = 0 if max_bytes is None else max(0, left_bytes - max_bytes)
        return tidied

    # ---- what is said

    def _tell(self, tidied: _Tidied) -> None:
        for removed, bound in ((tidied.old, "output.max_days"), (tidied.excess, "output.max_gb")):
            if removed:
                self.clips_removed += len(removed)
                mb = round(sum(clip.size_bytes for clip in removed) / _MB)
                oldest = min(removed, key=lambda clip: clip.written_at).sidecar.stem
                log.info(f"removed clips for {bound}", clips=len(removed), mb=mb, oldest=oldest)
        self._say_once("a channel's clips cannot be looked through", *self._shelf.troubles)
        self._say_once("clips cannot be removed", *tidied.refused)
        over = ["for now all others are in use, new, or cannot be removed"] if tidied.over_bytes else []
        self._say_once("clips take more than output.max_gb", *over, mb_over=round(tidied.over_bytes / _MB))

    def _say_once(self, words: str, *reasons: str, **numbers: int) -> None:
        """Said again only after it was well in between."""
        if not reasons:
            self._said.discard(words)
        elif words not in self._said:
            self._said.add(words)
            more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
            log.warning(words, reason=f"{reasons[0]}{more}", **numbers)
