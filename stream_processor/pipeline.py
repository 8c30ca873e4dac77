"""One channel's way, from the source to the sinks, on one screen:

    source ─▶ Intake ─▶ PacketRing ──────────────────────────────────────▶ Clips ─▶ clip file, picture
                 └────▶ Backlog ─▶ decode_all ─▶ Feed (engine) ─▶ Inbox ─┐    ▲           │
                        (threads, each queue bounded)                    ▼    │           ▼ Outcome
                 in the event loop:      Windows ─▶ Detection ─▶ open, grow, close ─▶ journal ─▶ sinks

Nothing flows back. Threads hand over through the inbox, in order; everything after the scores happens in the event loop.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from stream_processor.backlog import Backlog
from stream_processor.clips import Clips, Outcome
from stream_processor.cut import publish
from stream_processor.decode import DecodeCounts, Sampling, decode_all
from stream_processor.detection import Detection, Step
from stream_processor.feed import Feed
from stream_processor.inbox import Inbox
from stream_processor.intake import EpochNotice, Intake, Notice, StateNotice
from stream_processor.journal import Journal
from stream_processor.naming import inside
from stream_processor.outbox import Outbox
from stream_processor.packets import PacketRing
from stream_processor.records import Change, Event, Highlight, PaneScore, ScoredWindow
from stream_processor.sidecar import describe, file_stem, number, started_at, why
from stream_processor.status import ChannelStatus, HighlightRow, Point
from stream_processor.windows import Windows

log = structlog.get_logger()

EPOCHS_KEPT = 64
"""Epochs that highlights may still refer to: many more than a warm-up can hold."""

Item = Notice | PaneScore | Outcome | None


@dataclass(frozen=True)
class Run:
    """What every sidecar and alert of this run says the same of."""

    id: str
    channel: str
    source: str
    folder: Path
    parameters: Mapping[str, Any]


class Pipeline:
    """Wired by ``app``; ``watch`` runs it to the stream's end. ``status`` is kept up to date for the dashboard."""

    def __init__(
        self,
        run: Run,
        *,
        intake: Intake,
        ring: PacketRing,
        backlog: Backlog,
        sampling: Sampling,
        feed: Feed,
        inbox: "Inbox[Item]",
        windows: Windows,
        detection: Detection,
        clips: Clips,
        journal: Journal,
        outbox: Outbox,
        tell: Callable[[Event], None],
        absent: Callable[[], Sequence[str]],
        status: ChannelStatus,
    ) -> None:
        self._run = run
        self._intake = intake
        self._ring = ring
        self._backlog = backlog
        self._sampling = sampling
        self._feed = feed
        self._inbox = inbox
        self._windows = windows
        self._detection = detection
        self._clips = clips
        self._journal = journal
        self._outbox = outbox
        self._tell = tell
        self._absent = absent
        self._epochs: dict[int, EpochNotice] = {}
        self._closing: dict[str, Highlight] = {}
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
        upstream = asyncio.create_task(asyncio.to_thread(self._join, decoder))
        try:
            await self._take_until_end()
            await self._step(self._detection.finish())
            cutting = asyncio.create_task(asyncio.to_thread(self._stop_clips))
            await self._take_until_end()
            await cutting
        finally:
            self._intake.stop()
            self._inbox.close()
            self._backlog.abandon()
            await upstream
            await asyncio.to_thread(self._clips.stop)
        self.refresh()
        for error in (self._decode_error, self._intake.error):
            if error is not None:
                raise error

    def stop(self) -> None:
        """Ask for an early end; ``watch`` returns once everything that was read is decided and written."""
        self._intake.stop()

    # ---- threads -----------------------------------------------------------------------------------------------------

    def _decode(self) -> None:
        try:
            decode_all(self._backlog, self._sampling, self._feed.put, self.counts)
        except BaseException as error:  # raised by watch
            self._decode_error = error
            self._backlog.abandon()
            self._intake.stop()

    def _join(self, decoder: threading.Thread) -> None:
        self._intake.join()
        decoder.join()
        if self._decode_error is None:
            self._feed.flush()
        self._inbox.put_now(None)

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
            elif isinstance(item, Outcome):
                await self._outcome(item)
            elif isinstance(item, EpochNotice):
                await self._epoch(item)
            else:
                self._state(item)

    async def _pane(self, pane: PaneScore) -> None:
        await self._journal.add_pane(self._run.id, pane)
        self.status.panes += 1
        self.status.stream_seconds = pane.start_seconds + pane.duration_seconds
        for window in self._windows.push(pane):
            self.status.windows += 1
            self.status.values = dict(window.values)
            await self._step(self._detection.push(window))
        if pane.is_last:
            await self._step(self._detection.end_epoch())
        self.status.warmup_left_seconds = self._detection.warmup_left_seconds

    async def _step(self, step: Step) -> None:
        for scored in step.scored:
            self._decided(scored)
        for change in step.changes:
            await self._change(change)

    def _decided(self, scored: ScoredWindow) -> None:
        self.status.deviations = dict(scored.deviations)
        self.status.curve.append(Point(scored.window.start_seconds, scored.score, scored.threshold))
        if self.best is None or scored.score - scored.threshold > self.best.score - self.best.threshold:
            self.best = scored
        payload = {
            "start_time": scored.window.start_seconds,
            "end_time": scored.window.end_seconds,
            "score": number(scored.score),
            "threshold": number(scored.threshold),
            "signals": dict(scored.window.values),
        }
        self._news(Event("window", self._run.channel, payload))

    async def _change(self, change: Change) -> None:
        highlight = change.highlight
        notice = self._epochs[highlight.epoch]
        self._row(highlight)
        if change.type == "open":
            self._clips.open(highlight, notice.epoch, notice.codecs.template)
            self.status.highlights_opened += 1
            await self._save(highlight, "open", "new")
        elif change.type == "grow":
            await self._save(highlight, "open", "update")
        else:
            self._closing[highlight.id] = highlight
            await self._journal.save_highlight(self._run.id, self._run.channel, highlight, "closing")
            stem = file_stem(started_at(highlight, notice.epoch), highlight.id)
            self._clips.close(highlight, inside(self._run.folder, stem))

    async def _save(self, highlight: Highlight, state: Any, alert: Any) -> None:
        payload = self._describe(highlight)
        event = await self._journal.save_highlight(self._run.id, self._run.channel, highlight, state, alert=(alert, payload))
        if event is not None:
            self._tell(event)

    async def _outcome(self, outcome: Outcome) -> None:
        """A closed highlight has its clip, or has none: the sidecar, the last alert, and the spool may go."""
        highlight = self._closing.pop(outcome.highlight_id)
        clip, reason = outcome.clip, outcome.reason
        payload = self._describe(highlight, outcome, final=True)
        if clip is not None:
            try:
                await asyncio.to_thread(write_sidecar, (self._run.folder / clip.filename).with_suffix(".json"), payload)
            except OSError as error:
                log.warning("sidecar cannot be written", clip=clip.filename, reason=error.strerror or str(error))
        event = await self._journal.save_highlight(
            self._run.id, self._run.channel, highlight, "done", clip, reason, alert=("end", payload)
        )
        self._clips.forget(highlight.id)
        row = self._row(highlight)
        row.clip, row.written = (clip.filename, True) if clip is not None else (f"no clip: {reason}", False)
        if clip is not None:
            self.status.clips_written += 1
        else:
            self.status.clips_lost += 1
        if event is not None:
            self._tell(event)

    def _describe(self, highlight: Highlight, outcome: Outcome | None = None, *, final: bool = False) -> dict[str, Any]:
        return describe(
            highlight,
            channel=self._run.channel,
            source=self._run.source,
            epoch=self._epochs[highlight.epoch].epoch,
            parameters=self._run.parameters,
            clip=outcome.clip if outcome is not None else None,
            reason=outcome.reason if outcome is not None else None,
            absent=self._absent(),
            final=final,
        )

    async def _epoch(self, notice: EpochNotice) -> None:
        self._epochs[notice.epoch.number] = notice
        for old in sorted(self._epochs)[:-EPOCHS_KEPT]:
            del self._epochs[old]
        self.status.epochs += 1
        self.status.total_seconds = notice.total_seconds
        media = notice.epoch.media
        for kind, there in (("picture", media.video), ("sound", media.audio)):
            if there is None and notice.epoch.number == 0:
                log.warning(f"the stream has no {kind}: it is judged without it", channel=self._run.channel)
        await self._journal.add_epoch(self._run.id, notice.epoch)

    def _state(self, notice: StateNotice) -> None:
        if (self.status.state, self.status.detail) == (notice.state, notice.detail):
            return
        self.status.state, self.status.detail = notice.state, notice.detail
        announced = notice.state if notice.state in ("live", "ended") else "reconnecting"
        self._news(Event("state", self._run.channel, {"state": announced, "detail": notice.detail}))

    def _news(self, event: Event) -> None:
        self._outbox.offer(event)
        self._tell(event)

    # ---- what the dashboard sees -------------------------------------------------------------------------------------

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

    def _row(self, highlight: Highlight) -> HighlightRow:
        row = next((row for row in self.status.highlights if row.id == highlight.id), None)
        if row is None:
            row = HighlightRow(highlight.id, 0.0, 0.0, 0.0, "")
            self.status.highlights.append(row)
        row.start_seconds, row.end_seconds = highlight.start_seconds, highlight.end_seconds
        row.score, row.reason = highlight.score, why(highlight)
        return row


def write_sidecar(path: Path, payload: Mapping[str, Any]) -> None:
    """The JSON beside a clip, complete or not there at all; blocking. OSError: the disk did not take it."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(json.dumps(payload, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        publish(part, path)
    finally:
        part.unlink(missing_ok=True)
