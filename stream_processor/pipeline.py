"""One channel's way, from the source to the sinks, on one screen:

    source ─▶ Intake ─▶ PacketRing ──────────────────────────────────────▶ Clips ─▶ clip file, picture
                 └────▶ Backlog ─▶ decode_all ─▶ Feed (engine) ─▶ Inbox ─┐    ▲           │
                        (threads, each queue bounded)                    ▼    │           ▼ Outcome
                 in the event loop:      Windows ─▶ Detection ─▶ Highlights ─▶ journal ─▶ sinks

Nothing flows back. Threads hand over through the inbox, in order; everything after the scores happens in the event loop.
The stream is read from the start; decoding begins when there are scorers, which say what they want to see.
"""

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from stream_processor.backlog import Backlog
from stream_processor.clips import Clips, Outcome
from stream_processor.decode import DecodeCounts, Sampling, decode_all
from stream_processor.detection import Detection, Step
from stream_processor.errors import GivenUp
from stream_processor.feed import Feed
from stream_processor.highlighting import Highlights
from stream_processor.inbox import Inbox
from stream_processor.intake import EpochNotice, Intake, Notice, StateNotice
from stream_processor.journal import Journal
from stream_processor.outbox import Outbox
from stream_processor.own_thread import in_own_thread
from stream_processor.packets import PacketRing
from stream_processor.records import Event, PaneScore, ScoredWindow
from stream_processor.sidecar import number
from stream_processor.status import ChannelStatus, Point
from stream_processor.windows import Windows

log = structlog.get_logger()

EPOCHS_KEPT = 64
"""Epochs that highlights may still refer to: many more than a warm-up can hold."""

Item = Notice | PaneScore | Outcome | None


@dataclass(frozen=True)
class Run:
    """What decides in a run, and what its sidecars say of it. ``absent``: the signals that it has not had so far."""

    id: str
    is_live: bool
    parameters: Mapping[str, Any]
    windows: Windows
    detection: Detection
    absent: Callable[[], Sequence[str]]


@dataclass(frozen=True)
class Analysis:
    """What the scorers want to see, and the way to them."""

    sampling: Sampling
    feed: Feed


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
        clips: Clips,
        journal: Journal,
        outbox: Outbox,
        tell: Callable[[Event], None],
        hurry: Callable[[], None],
        status: ChannelStatus,
    ) -> None:
        self._begin = begin
        self._analysis = analysis
        self._folder = folder
        self._intake = intake
        self._ring = ring
        self._backlog = backlog
        self._inbox = inbox
        self._clips = clips
        self._journal = journal
        self._outbox = outbox
        self._tell = tell
        self._hurry = hurry
        self._feed: Feed | None = None
        self._epochs: dict[int, EpochNotice] = {}
        self._run: Run
        self._highlights: Highlights
        self._decode_error: BaseException | None = None
        self.status = status
        self.counts = DecodeCounts()
        self.best: ScoredWindow | None = None
        """The decided window that came nearest to its threshold, or rose furthest above it."""

    async def watch(self) -> None:
        """Run to the stream's end, or to ``stop``. Raises what ended the source; all that was open is closed and written."""
        decoder = threading.Thread(target=self._decode, name="decode", daemon=True)
        self._clips.start()
        decoder.start()
        self._intake.start()
        upstream = asyncio.create_task(in_own_thread(lambda: self._join(decoder), "upstream"))
        try:
            await self._take_until_end()
            self._hurry()
            if self._epochs:
                await self._step(self._run.detection.finish())
            cutting = asyncio.create_task(in_own_thread(self._stop_clips, "stop clips"))
            await self._take_until_end()
            await cutting
            if self._epochs:
                await self._end_run()
        except GivenUp as given_up:
            log.info("nothing was judged", channel=self.status.channel, reason=str(given_up))
        finally:
            self._intake.stop()
            self._inbox.close()
            self._backlog.abandon()
            self._close_feed()  # it may hold panes that nobody will decide on any more
            await upstream
            await in_own_thread(self._clips.stop, "stop clips")
            self._close_feed()
            self._announce_end()
        self.refresh()
        for error in (self._decode_error, self._intake.error):
            if error is not None and not isinstance(error, GivenUp):
                raise error

    def stop(self) -> None:
        """Ask for an early end; ``watch`` returns once everything that was read is decided and written."""
        self._hurry()
        self._intake.stop()

    # ---- threads -----------------------------------------------------------------------------------------------------

    def _decode(self) -> None:
        try:
            if not self._backlog.wait_for_something():
                return  # nothing came: there is no need to wait for the scorers
            analysis = self._analysis()
            self._feed = analysis.feed
            decode_all(self._backlog, analysis.sampling, analysis.feed.put, self.counts)
        except BaseException as error:  # raised by watch
            self._decode_error = error
            self._backlog.abandon()
            self._intake.stop()

    def _join(self, decoder: threading.Thread) -> None:
        """The end of what is upstream, whatever it ended by, is what the event loop waits for."""
        self._intake.join()
        decoder.join()
        try:
            if self._decode_error is None and self._feed is not None:
                self._feed.flush()
        except BaseException as error:  # raised by watch
            self._decode_error = error
        finally:
            self._inbox.put_now(None)

    def _close_feed(self) -> None:
        if self._feed is not None:
            self._feed.close()

    def _stop_clips(self) -> None:
        try:
            self._clips.stop()
        finally:
            self._inbox.put_now(None)

    # ---- the event loop ----------------------------------------------------------------------------------------------

    async def _take_until_end(self) -> None:
        while (item := await self._inbox.get()) is not None:
            if isinstance(item, PaneScore):
                await self._pane(item)
                assert self._feed is not None  # it is where the pane came from
                self._feed.decided()
            elif isinstance(item, Outcome):
                await self._highlights.end(item)
            elif isinstance(item, EpochNotice):
                await self._epoch(item)
            else:
                self._state(item)

    async def _epoch(self, notice: EpochNotice) -> None:
        if not self._epochs:
            await self._begin_run(notice)
        self._epochs[notice.epoch.number] = notice
        for old in sorted(self._epochs)[:-EPOCHS_KEPT]:
            del self._epochs[old]
        self.status.epochs += 1
        self.status.total_seconds = notice.total_seconds
        await self._journal.add_epoch(self._run.id, notice.epoch)

    async def _begin_run(self, notice: EpochNotice) -> None:
        run = self._run = await self._begin(notice.is_live)
        self._highlights = Highlights(
            run.id,
            folder=self._folder,
            epochs=self._epochs,
            parameters=run.parameters,
            absent=run.absent,
            clips=self._clips,
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
        self.status.scorers.update(pane.fallen)
        self.status.panes += 1
        self.status.stream_seconds = pane.start_seconds + pane.duration_seconds
        for window in self._run.windows.push(pane):
            self.status.windows += 1
            await self._step(self._run.detection.push(window))
        if pane.is_last:
            await self._step(self._run.detection.end_epoch())
        self.status.warmup_left_seconds = self._run.detection.warmup_left_seconds

    async def _step(self, step: Step) -> None:
        for scored in step.scored:
            self._decided(scored)
        for change in step.changes:
            await self._highlights.change(change)

    def _decided(self, scored: ScoredWindow) -> None:
        self.status.values, self.status.deviations = dict(scored.window.values), dict(scored.deviations)
        self.status.curve.append(Point(scored.window.start_seconds, scored.score, scored.threshold))
        is_judged = not math.isnan(scored.threshold)  # the very first windows have no past to be held against
        if is_judged and (self.best is None or scored.score - scored.threshold > self.best.score - self.best.threshold):
            self.best = scored
        payload = {
            "start_time": scored.window.start_seconds,
            "end_time": scored.window.end_seconds,
            "score": number(scored.score),
            "threshold": number(scored.threshold),
            "signals": dict(scored.window.values),
        }
        self._news(Event("window", self.status.channel, payload))

    def _state(self, notice: StateNotice) -> None:
        if (self.status.state, self.status.detail) == (notice.state, notice.detail):
            return
        self.status.state, self.status.detail = notice.state, notice.detail
        announced = notice.state if notice.state in ("live", "ended") else "reconnecting"
        self._news(Event("state", self.status.channel, {"state": announced, "detail": notice.detail}))

    def _announce_end(self) -> None:
        """Where the way broke off before the source's own last word: whoever looks must not go on reading "live"."""
        if self.status.state != "ended":
            self._state(StateNotice("ended", self.status.detail))

    def _news(self, event: Event) -> None:
        self._outbox.offer(event)
        self._tell(event)

    def refresh(self) -> None:
        """Bring the parts of the status that other threads count up to date."""
        status, ring = self.status, self._ring.state()
        status.ring_seconds, status.ring_mb = ring.seconds, ring.mb
        status.lag_seconds = max(0.0, self._intake.newest_seconds - status.stream_seconds)
        status.packets_dropped = ring.unread
        status.frames_dropped = self._backlog.dropped
        status.reconnects = self._intake.reconnects
        status.sinks = dict(self._outbox.statuses)
        status.outbox_waiting = self._outbox.waiting
