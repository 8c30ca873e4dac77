"""What follows from a decision: a highlight that opens, grows or closes goes to the cutter, the journal and the faces.

::

    open ─▶ new      grow ─▶ update      close ─▶ finishing (it may wait for what follows) ─▶ update ─▶ clip ─▶ end

Between closing and clip stand the finishing steps, where there are any: what they come to is journaled before the cut, so that
after a crash the same clip is made.

A sidecar that the disk refuses is written later, like a clip; its highlight's `end` waits for it, and nothing else does.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from stream_processor.clipping.clip_outcome import Outcome
from stream_processor.clipping.sidecar import describe, file_stem, started_at, why
from stream_processor.clipping.sidecar_file import write_sidecar
from stream_processor.clips import Clips
from stream_processor.finishing.draft import Draft
from stream_processor.finishing.live import LiveFinishing, plan
from stream_processor.intake import EpochNotice
from stream_processor.journal import Journal
from stream_processor.journaling.rows import Alert, State
from stream_processor.naming import inside
from stream_processor.own_thread import in_own_thread
from stream_processor.records import Change, Event, Highlight, replace
from stream_processor.settings import ClipSettings
from stream_processor.status import ChannelStatus, HighlightRow

log = structlog.get_logger()

RETRY_SECONDS = 2.0

PATIENCE_SECONDS = 60.0
"""So much stream may come, behind what finishing waits for, before it waits no longer: scoring hangs, or is far behind."""


@dataclass(frozen=True)
class _Ended:
    """A closed highlight whose `end` is not told yet."""

    draft: Draft
    outcome: Outcome
    payload: Mapping[str, Any]


class Highlights:
    """One run's highlights. Every step is journaled together with its alert before anything else is told of it.

    Without steps clips are cut as planned, with ``clip``'s pre-roll and post-roll, as soon as their highlight is closed.
    """

    def __init__(
        self,
        run_id: str,
        *,
        folder: Path,
        epochs: Mapping[int, EpochNotice],
        parameters: Mapping[str, Any],
        absent: Callable[[], Sequence[str]],
        clip: ClipSettings,
        clips: Clips,
        finishing: LiveFinishing,
        journal: Journal,
        tell: Callable[[Event], None],
        status: ChannelStatus,
        patience_seconds: float = PATIENCE_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._run_id = run_id
        self._folder = folder
        self._epochs = epochs
        self._parameters = parameters
        self._absent = absent
        self._clip = clip
        self._clips = clips
        self._finishing = finishing
        self._journal = journal
        self._tell = tell
        self._status = status
        self._patience_seconds = patience_seconds
        self._retry_seconds = retry_seconds
        self._closing: dict[str, Draft] = {}
        self._late: list[_Ended] = []
        self._is_ending = asyncio.Event()
        self._retries: asyncio.Task[None] | None = None

    async def change(self, change: Change) -> None:
        """Carry out what detection decided."""
        highlight = change.highlight
        notice = self._epochs[highlight.epoch]
        self._row(highlight)
        if change.type == "open":
            self._clips.open(highlight, notice.epoch, notice.codecs.template)
            self._status.highlights_opened += 1
            await self._save(highlight, "open", "new", self._describe(highlight))
        elif change.type == "grow":
            await self._save(highlight, "open", "update", self._describe(highlight))
        else:
            await self._journal.save_highlight(self._run_id, self._status.channel, highlight, "closing")
            rolls = {"pre_roll_seconds": self._clip.pre_roll_seconds, "post_roll_seconds": self._clip.post_roll_seconds}
            draft = self._closing[highlight.id] = plan(highlight, notice.epoch, **rolls)
            if not self._finishing.has_steps:
                self._cut(draft)
            else:
                begins_seconds = self._clips.begins_at(highlight.id)
                until = self._finishing.expect(draft, notice.epoch, notice.codecs.template, begins_seconds)
                self._clips.ask_at(highlight, until + self._patience_seconds)

    async def finished(self, draft: Draft) -> None:
        """The finishing steps have come to this: what they have changed is told, and the clip cut, or not kept."""
        highlight = draft.highlight
        planned, self._closing[highlight.id] = self._closing[highlight.id], draft
        changed = replace(draft, notes=()) != planned
        await self._save(draft, "closing", "update" if changed else None, self._describe(highlight, draft))
        if draft.keep:
            self._cut(draft)
        else:
            self._clips.discard(highlight, draft.notes[-1].reason)

    def _cut(self, draft: Draft) -> None:
        highlight = draft.highlight
        stem = file_stem(started_at(highlight, self._epochs[highlight.epoch].epoch), highlight.id)
        self._clips.close(highlight, inside(self._folder, stem), (draft.start_seconds, draft.end_seconds))

    async def end(self, outcome: Outcome) -> None:
        """A closed highlight has its clip, or has none: the sidecar, the last alert, and then the spool may go."""
        draft = self._closing.pop(outcome.highlight_id)
        highlight = draft.highlight
        ended = _Ended(draft, outcome, self._describe(highlight, draft, outcome))
        if refused := await self._write_sidecar(ended):
            log.error("a sidecar cannot be written yet: its alert waits for it", highlight=highlight.id, reason=refused)
            self._late.append(ended)
            if self._retries is None or self._retries.done():
                self._retries = asyncio.create_task(self._retry(), name="sidecars")
        else:
            await self._conclude(ended)

    async def finish(self) -> None:
        """The run ends. A sidecar that the disk still refuses is left to the next start, which makes the clip again with it."""
        self._is_ending.set()
        if self._retries is not None:
            await self._retries
        for ended in self._late:
            if await asyncio.to_thread(self._clips.has_spool, ended.draft.highlight.id):
                log.error("a sidecar cannot be written: it is left to the next start", highlight=ended.draft.highlight.id)
            else:
                log.error("a sidecar cannot be written: the alert alone tells of its clip", highlight=ended.draft.highlight.id)
                await self._conclude(ended)

    async def _retry(self) -> None:
        while self._late:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._retry_seconds):
                    await self._is_ending.wait()
            late, self._late = self._late, []
            for place, ended in enumerate(late):
                if await self._write_sidecar(ended):
                    self._late = late[place:] + self._late
                    break
                await self._conclude(ended)
                log.warning("the sidecar is written, though the disk refused it before", highlight=ended.draft.highlight.id)
            if self._is_ending.is_set():
                return

    async def _conclude(self, ended: _Ended) -> None:
        highlight, outcome, row = ended.draft.highlight, ended.outcome, self._row(ended.draft.highlight)
        self._status.outcomes[outcome.kind] += 1
        if outcome.clip is not None:
            self._status.clips_written += 1
            row.clip, row.written = outcome.clip.filename, True
        elif not outcome.is_wanted:
            self._status.clips_not_kept += 1
            row.clip = f"not kept: {outcome.reason}"
        else:
            self._status.clips_lost += 1
            row.clip = f"no clip: {outcome.reason}"
        await self._save(ended.draft, "done", "end", ended.payload, outcome)
        self._clips.forget(highlight.id)

    async def _save(
        self,
        what: Highlight | Draft,
        state: State,
        alert: Alert | None,
        payload: Mapping[str, Any],
        outcome: Outcome | None = None,
    ) -> None:
        clip, reason = (outcome.clip, outcome.reason) if outcome is not None else (None, None)
        highlight, draft = (what.highlight, what) if isinstance(what, Draft) else (what, None)
        told = None if alert is None else (alert, payload)
        event = await self._journal.save_highlight(
            self._run_id, self._status.channel, highlight, state, clip, reason, draft=draft, alert=told
        )
        if event is not None:
            self._tell(event)

    async def _write_sidecar(self, ended: _Ended) -> str | None:
        """What the disk said against it."""
        if ended.outcome.clip is None:
            return None
        clip = self._folder / ended.outcome.clip.filename
        try:
            await in_own_thread(lambda: write_sidecar(clip.with_suffix(".json"), ended.payload), "sidecar")
        except FileNotFoundError:  # the folder with the clip was removed: there is nothing left that it could stand beside
            log.error("a clip was removed before it had its sidecar", highlight=ended.draft.highlight.id, clip=clip.name)
        except OSError as error:
            return error.strerror or str(error)
        return None

    def _describe(self, highlight: Highlight, draft: Draft | None = None, outcome: Outcome | None = None) -> dict[str, Any]:
        return describe(
            highlight,
            channel=self._status.channel,
            source=self._status.source,
            epoch=self._epochs[highlight.epoch].epoch,
            parameters=self._parameters,
            clip=outcome.clip if outcome is not None else None,
            reason=outcome.reason if outcome is not None else None,
            draft=draft,
            absent=self._absent(),
            final=outcome is not None,
        )

    def _row(self, highlight: Highlight) -> HighlightRow:
        row = next((row for row in self._status.highlights if row.id == highlight.id), None)
        if row is None:
            row = HighlightRow(highlight.id, 0.0, 0.0, 0.0, "", opened_at=time.monotonic())
            self._status.highlights.append(row)
        row.start_seconds, row.end_seconds = highlight.start_seconds, highlight.end_seconds
        row.score, row.reason = highlight.score, why(highlight)
        return row
