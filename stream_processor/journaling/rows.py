"""What the journal's rows hold, and records as JSON text for its columns and back: every float returns bit for bit.

Python's ``json`` writes the shortest text that reads back as the same float, and NaN as ``NaN``. What leaves the
program as JSON (sidecars, alerts) is made by ``sidecar``, which has no NaN.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from stream_processor.finishing.draft import Draft, Note
from stream_processor.records import AudioFormat, Clip, Epoch, Highlight, Media, ScoredWindow, VideoFormat, Window

Alert = Literal["new", "update", "end"]
State = Literal["open", "closing", "done"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one channel. ``signals``: signal -> the kind that measured it at first; ``settings`` as they were in force.

    ``ended_at`` None: it runs still, or was killed. ``baseline``: the earlier run's windows from which it started.
    """

    id: str
    channel: str
    source: str
    started_at: datetime
    ended_at: datetime | None
    settings: Mapping[str, Any]
    baseline: tuple[Window, ...]
    signals: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SavedHighlight:
    """A highlight as last saved. ``reason`` says why it has no clip; ``draft`` what finishing made of its clip's boundaries."""

    run_id: str
    channel: str
    state: State
    highlight: Highlight
    clip: Clip | None
    reason: str | None
    draft: Draft | None = None


def dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def dump_windows(windows: Sequence[Window]) -> str:
    return dump([_plain(window) for window in windows])


def load_windows(text: str) -> tuple[Window, ...]:
    return tuple(_window(fields) for fields in json.loads(text))


def measured_by(windows: Sequence[Window], then: Mapping[str, str], now: Mapping[str, str]) -> tuple[Window, ...]:
    """Windows of an earlier run with those signals only that are measured by the same kind ``now`` as ``then``.

    None where no value is left. Both map signal -> kind.
    """
    same = {signal for signal, kind in now.items() if then.get(signal) == kind}
    values = [{signal: value for signal, value in window.values.items() if signal in same} for window in windows]
    if not any(values):
        return ()
    return tuple(dataclasses.replace(window, values=left) for window, left in zip(windows, values, strict=True))


def dump_highlight(highlight: Highlight) -> str:
    return dump(_plain(highlight))


def load_highlight(text: str) -> Highlight:
    fields = json.loads(text)
    windows = tuple(ScoredWindow(**{**scored, "window": _window(scored["window"])}) for scored in fields["windows"])
    return Highlight(**{**fields, "windows": windows})


def dump_draft(draft: Draft | None) -> str | None:
    """Without the highlight, which has a column of its own."""
    if draft is None:
        return None
    fields = {"start_seconds": draft.start_seconds, "end_seconds": draft.end_seconds, "keep": draft.keep}
    return dump({**fields, "repeat_of": draft.repeat_of, "notes": [_plain(note) for note in draft.notes]})


def load_draft(text: str | None, highlight: Highlight) -> Draft | None:
    if text is None:
        return None
    fields = json.loads(text)
    notes = tuple(Note(note["step"], note["reason"], tuple(note["moved"])) for note in fields.pop("notes"))
    return Draft(highlight, **fields, notes=notes)


def dump_clip(clip: Clip | None) -> str | None:
    return None if clip is None else dump(_plain(clip))


def load_clip(text: str | None) -> Clip | None:
    return None if text is None else Clip(**json.loads(text))


def dump_epoch(epoch: Epoch) -> str:
    return dump({**_plain(epoch), "started_at": epoch.started_at.isoformat()})


def load_epoch(text: str) -> Epoch:
    fields = json.loads(text)
    media = fields["media"]
    return Epoch(
        number=fields["number"],
        start_seconds=fields["start_seconds"],
        started_at=datetime.fromisoformat(fields["started_at"]),
        source_seconds=fields["source_seconds"],
        media=Media(
            container=media["container"],
            video=None if media["video"] is None else VideoFormat(**media["video"]),
            audio=None if media["audio"] is None else AudioFormat(**media["audio"]),
        ),
    )


def _window(fields: Mapping[str, Any]) -> Window:
    first, after_last = fields["panes"]
    return Window(**{**fields, "panes": (first, after_last), "restarts": frozenset(fields.get("restarts", ()))})


def _plain(value: Any) -> Any:
    """Records, mappings, tuples and sets as dicts and lists (``dataclasses.asdict`` cannot copy a read-only mapping)."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
