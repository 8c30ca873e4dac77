"""One channel's way, from the source to the sinks, on one screen:

    source ─▶ Intake ─▶ PacketRing ──────────────────────────────────────▶ Clips ─▶ clip file, picture
                 └────▶ Backlog ─▶ decode_all ─▶ Feed (engine) ─▶ Inbox ─┐    ▲           │
                        (threads, each queue bounded)                    ▼    │           ▼ Outcome
                 in the event loop:      Windows ─▶ Detection ─▶ Highlights ─▶ journal ─▶ sinks
                                                                  │    ▲
                                                                  ▼    │ Finished
                                                      LiveFinishing (steps, in threads of their own)

Nothing flows back. Threads hand over through the inbox, in order; everything after the scores happens in the event loop.
The stream is read from the start; decoding begins when there are scorers, which say what they want to see.
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum
from pathlib import Path

import structlog

from stream_processor.backlog import Backlog
from stream_processor.bulletin import Bulletin
from stream_processor.clipping.clip_outcome import Outcome, Overdue
from stream_processor.clips import Clips
from stream_processor.deciding.detection import Step
from stream_processor.delivering.outbox import Outbox
from stream_processor.errors import GivenUp
from stream_processor.finishing.live import Finished, LiveFinishing
from stream_processor.highlighting import Highlights
from stream_processor.inbox import Inbox
from stream_processor.intake import EpochNotice, Intake, Notice, StateNotice
from stream_processor.journal import Journal
from stream_processor.operations.gauges import gauge
from stream_processor.own_thread import Errand
from stream_processor.packets import PacketRing
from stream_processor.records import Event, PaneScore, ScoredWindow
from stream_processor.run import Run
from stream_processor.settings import ClipSettings
from stream_processor.status import ChannelStatus
from stream_processor.upstream import Analysis, Upstream

log = structlog.get_logger()

EPOCHS_KEPT = 64
"""Epochs that highlights may still refer to: many more than a warm-up can hold."""


class Over(Enum):
    """The last that comes of it: of the stream what was read, scored and decided, of finishing what became of each clip's
    boundaries, of the cutter what became of each clip."""

    UPSTREAM = "upstream"
    FINISHING = "finishing"
    CUTTING = "cutting"


Item = Notice | PaneScore | Finished | Outcome | Overdue | Over


class Pipeline:
    """Wired by ``channel``; ``watch`` runs it to the stream's end. ``status`` is kept up to date for the dashboard.

    ``begin`` makes the run when the first frame is there, told whether the stream is live. ``analysis`` is called in the
    decoding thread, and may block until the scorers are loaded. ``hurry`` is called when nothing more will be read.
    """

    def __init__(
        self,
        begin: Callable[[bool], Awaitable[Run]],
        analysis: Callable[[], Analysis],
        *,
        folder: Path,
        intake: Intake,
        ring: PacketRing,
        backlog: Backlog,
        inbox: "Inbox[Item]",
        clip: ClipSettings,
        clips: Clips,
        finishing: LiveFinishing,
        journal: Journal,
        outbox: Outbox,
        tell: Callable[[Event], None],
        hurry: Callable[[], None],
        status: ChannelStatus,
    ) -> None:
        self._begin = begin
        self._folder = folder
        self._intake = intake
        self._ring = ring
        self._backlog = backlog
        self._upstream = Upstream(intake, backlog, analysis)
        self._inbox = inbox
        self._clip = clip
        self._clips = clips
        self._finishing = finishing
        self._journal = journal
        self._outbox = outbox
        self._tell = tell
        self._hurry = hurry
        self._reading: Errand | None = None
        self._cutting: Errand | None = None
        self._epochs: dict[int, EpochNotice] = {}
        self._run: Run
        self._highlights: Highlights
        self._bulletin = Bulletin(status, outbox, tell)
        self.status = status

    async def watch(self) -> None:
        """Run to the stream's end, or to ``stop``. Raises what ended the source; all that was open is closed and written."""
        self._clips.start()
        self._upstream.start()
        self._reading = Errand(self._upstream.join, "upstream", lambda: self._inbox.put_now(Over.UPSTREAM))
        try:
            await self._take_until(Over.UPSTREAM)
            self._hurry()
            if self._epochs:
                await self._step(self._run.detection.finish())
                await self._finish()
            self._cutting = Errand(self._clips.stop, "stop clips", lambda: self._inbox.put_now(Over.CUTTING))
            await self._take_until(Over.CUTTING)
            await self._cutting.wait()
            if self._epochs:
                await self._highlights.finish()
                await self._end_run()
        except GivenUp as given_up:
            log.info("nothing was judged", channel=self.status.channel, reason=str(given_up))
        finally:
            self._inbox.close()
            self._upstream.abandon()
            await self._reading.wait()
            await self._finishing.close()
            await (self._cutting or Errand(self._clips.stop, "stop clips")).wait()
            self._bulletin.end()
        self.refresh()
        self._upstream.raise_error()

    @property
    def best(self) -> ScoredWindow | None:
        """The decided window that came nearest to its threshold, or rose furthest above it."""
        return self._bulletin.best

    @property
    def run_id(self) -> str | None:
        """None: it has not begun."""
        return self._run.id if self._epochs else None

    def stop(self) -> None:
        """Ask for an early end; ``watch`` returns once everything that was read is decided and written."""
        self._hurry()
        self._upstream.stop()

    def leave_reading(self) -> list[str]:
        """Wait no longer for what was read; what is open is closed with what was decided. Returns what hangs, for people."""
        if self._reading is None or self._reading.is_over:
            return []
        hanging = self._upstream.hanging()
        self._upstream.abandon()
        self._reading.leave()
        return hanging

    def leave_finishing(self) -> list[str]:
        """Wait no longer for finishing steps: clips that are still to come are cut as far as their boundaries are known."""
        self._finishing.leave()
        return [] if self._finishing.at_work is None else [f"the finishing step {self._finishing.at_work}"]

    def leave_cutting(self) -> list[str]:
        """Wait no longer for clips; those that are not written yet are completed by the next start."""
        if self._cutting is None or self._cutting.is_over:
            return []
        self._cutting.leave()
        return ["cutting a clip, which the next start completes"]

    # ---- the event loop ----------------------------------------------------------------------------------------------

    async def _take_until(self, over: Over) -> None:
        is_deciding = over is Over.UPSTREAM  # what still comes of an upstream that was left comes too late
        while (item := await self._inbox.get()) is not over:
            if isinstance(item, Outcome):
                await self._highlights.end(item)
            elif isinstance(item, Finished):
                await self._highlights.finished(item.draft)
            elif isinstance(item, Overdue):
                await self._overdue(item.highlight_id)
            elif isinstance(item, StateNotice):
                self._bulletin.state(item)
            elif isinstance(item, PaneScore) and is_deciding:
                await self._pane(item)
                assert self._upstream.feed is not None  # it is where the pane came from
                self._upstream.feed.decided()
            elif isinstance(item, EpochNotice) and is_deciding:
                await self._epoch(item)

    async def _epoch(self, notice: EpochNotice) -> None:
        if not self._epochs:
            await self._begin_run(notice)
        self._epochs[notice.epoch.number] = notice
        for old in sorted(self._epochs)[:-EPOCHS_KEPT]:
            del self._epochs[old]
        self._bulletin.epoch(notice)
        await self._journal.add_epoch(self._run.id, notice.epoch)

    async def _begin_run(self, notice: EpochNotice) -> None:
        run = self._run = await self._begin(notice.is_live)
        self._highlights = Highlights(
            run.id,
            folder=self._folder,
            epochs=self._epochs,
            parameters=run.parameters,
            absent=run.absent,
            clip=self._clip,
            clips=self._clips,
            finishing=self._finishing,
            journal=self._journal,
            tell=self._tell,
            status=self.status,
        )
        media = notice.epoch.media
        for kind, there in (("picture", media.video), ("sound", media.audio)):
            if there is None:
                log.warning(f"the stream has no {kind}: it is judged without it", channel=self.status.channel)

    async def _end_run(self) -> None:
        if self._run.is_live:
            await self._journal.keep_baseline(self.status.channel, self._run.detection.kept(), dict(self.status.scorers))
        await self._journal.end_run(self._run.id)

    async def _pane(self, pane: PaneScore) -> None:
        await self._journal.add_pane(self._run.id, pane)
        self._bulletin.pane(pane)
        self._finishing.see(pane, self._epochs[pane.epoch].epoch)
        for window in self._run.windows.push(pane):
            self.status.windows += 1
            await self._step(self._run.detection.push(window))
        if pane.is_last:
            await self._step(self._run.detection.end_epoch())
        self.status.warmup_left_seconds = self._run.detection.warmup_left_seconds
        await self._finishing.advance()

    async def _step(self, step: Step) -> None:
        for scored in step.scored:
            self._bulletin.decided(scored)
            self._finishing.decided(scored)
        for change in step.changes:
            await self._highlights.change(change)

    async def _finish(self) -> None:
        """The stream is over: what is closed is finished with what there is."""
        await self._finishing.advance(is_over=True)
        draining = asyncio.create_task(self._drain(), name="drain")
        try:
            await self._take_until(Over.FINISHING)
        finally:
            draining.cancel()

    async def _drain(self) -> None:
        await self._finishing.drain()
        self._inbox.put_now(Over.FINISHING)  # behind all that was finished

    async def _overdue(self, highlight_id: str) -> None:
        log.warning("scoring is too far behind for a clip to wait for it", channel=self.status.channel, highlight=highlight_id)
        self._finishing.overdue(highlight_id)
        await self._finishing.advance()

    def refresh(self) -> None:
        """Bring the parts of the status that other threads count up to date."""
        gauge(self.status, self._intake, self._ring, self._backlog, self._upstream, self._outbox)
        if self.run_id is not None:
            self.status.decision_failures = self._run.detection.failures
        self.status.step_failures = self._finishing.failures
