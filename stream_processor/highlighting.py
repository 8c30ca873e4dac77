"""What follows from a decision: a highlight that opens, grows or closes goes to the cutter, the journal and the faces."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from stream_processor.clips import Clips, Outcome
from stream_processor.cut import publish
from stream_processor.intake import EpochNotice
from stream_processor.journal import Journal
from stream_processor.naming import inside
from stream_processor.records import Change, Event, Highlight
from stream_processor.sidecar import describe, file_stem, started_at, why
from stream_processor.status import ChannelStatus, HighlightRow

log = structlog.get_logger()


class Highlights:
    """One run's highlights. Every step is journaled together with its alert before anything else is told of it."""

    def __init__(
        self,
        run_id: str,
        *,
        folder: Path,
        epochs: Mapping[int, EpochNotice],
        parameters: Mapping[str, Any],
        absent: Callable[[], Sequence[str]],
        clips: Clips,
        journal: Journal,
        tell: Callable[[Event], None],
        status: ChannelStatus,
    ) -> None:
        self._run_id = run_id
        self._folder = folder
        self._epochs = epochs
        self._parameters = parameters
        self._absent = absent
        self._clips = clips
        self._journal = journal
        self._tell = tell
        self._status = status
        self._closing: dict[str, Highlight] = {}

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
            self._closing[highlight.id] = highlight
            await self._journal.save_highlight(self._run_id, self._status.channel, highlight, "closing")
            stem = file_stem(started_at(highlight, notice.epoch), highlight.id)
            self._clips.close(highlight, inside(self._folder, stem))

    async def end(self, outcome: Outcome) -> None:
        """A closed highlight has its clip, or has none: the sidecar, the last alert, and then the spool may go."""
        highlight, clip = self._closing.pop(outcome.highlight_id), outcome.clip
        payload = self._describe(highlight, outcome)
        row = self._row(highlight)
        if clip is not None:
            await self._write_sidecar((self._folder / clip.filename).with_suffix(".json"), payload)
            self._status.clips_written += 1
            row.clip, row.written = clip.filename, True
        else:
            self._status.clips_lost += 1
            row.clip = f"no clip: {outcome.reason}"
        await self._save(highlight, "done", "end", payload, outcome)
        self._clips.forget(highlight.id)

    async def _save(
        self, highlight: Highlight, state: Any, alert: Any, payload: Mapping[str, Any], outcome: Outcome | None = None
    ) -> None:
        clip, reason = (outcome.clip, outcome.reason) if outcome is not None else (None, None)
        channel = self._status.channel
        event = await self._journal.save_highlight(self._run_id, channel, highlight, state, clip, reason, alert=(alert, payload))
        if event is not None:
            self._tell(event)

    async def _write_sidecar(self, path: Path, payload: Mapping[str, Any]) -> None:
        try:
            await asyncio.to_thread(write_sidecar, path, payload)
        except OSError as error:
            log.warning("sidecar cannot be written", file=path.name, reason=error.strerror or str(error))

    def _describe(self, highlight: Highlight, outcome: Outcome | None = None) -> dict[str, Any]:
        return describe(
            highlight,
            channel=self._status.channel,
            source=self._status.source,
            epoch=self._epochs[highlight.epoch].epoch,
            parameters=self._parameters,
            clip=outcome.clip if outcome is not None else None,
            reason=outcome.reason if outcome is not None else None,
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


def write_sidecar(path: Path, payload: Mapping[str, Any]) -> None:
    """The JSON beside a clip, complete or not there at all; blocking. OSError: the disk did not take it."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(json.dumps(payload, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        publish(part, path)
    finally:
        part.unlink(missing_ok=True)
