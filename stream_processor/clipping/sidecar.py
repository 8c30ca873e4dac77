"""What is told about a highlight, in the sidecar beside its clip and in every alert: one dict, ready to be written as JSON.

The names follow the metadata of the best-shot pipeline. Times are stream seconds unless they end in ``_at`` (UTC).
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from stream_processor.finishing.draft import Draft
from stream_processor.records import Clip, Epoch, Highlight, ScoredWindow

SCHEMA = 1


def describe(
    highlight: Highlight,
    *,
    channel: str,
    source: str,
    epoch: Epoch,
    parameters: Mapping[str, Any],
    clip: Clip | None = None,
    reason: str | None = None,
    draft: Draft | None = None,
    absent: Sequence[str] = (),
    final: bool = False,
) -> dict[str, Any]:
    """The highlight as it is now. ``final``: nothing about it will change any more.

    ``source`` is redacted. ``parameters`` are the settings that led to it, ready for JSON. ``reason`` says why there is no
    clip, where that is known; ``absent`` names the signals that this run does not have.

    ``draft`` is what finishing has made of it so far: ``finishing`` [{step, reason}], ``repeat_of`` (the id of an earlier
    highlight), ``kept`` (false: there is to be no file) and ``clip_planned`` {start_time, end_time}, null before finishing.
    """
    return {
        "schema": SCHEMA,
        "id": highlight.id,
        "channel": channel,
        "filename": clip.filename if clip is not None else None,
        "picture": clip.picture if clip is not None else None,
        "source_video": source,
        "start_time": highlight.start_seconds,
        "end_time": highlight.end_seconds,
        "duration": highlight.duration_seconds,
        "peak_time": highlight.peak_seconds,
        "started_at": started_at(highlight, epoch).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "final": final,
        "score": number(highlight.score),
        "threshold": number(highlight.threshold),
        "components": _numbers(highlight.components),
        "deviations": _numbers(highlight.deviations),
        "reason": why(highlight),
        "absent_signals": list(absent),
        "windows": [_window(scored) for scored in highlight.windows],
        "kept": draft is None or draft.keep,
        "repeat_of": draft.repeat_of if draft is not None else None,
        "finishing": [{"step": note.step, "reason": note.reason} for note in draft.notes] if draft is not None else [],
        "clip_planned": _planned(draft),
        "clip": clip_facts(clip),
        "clip_reason": reason,
        "clip_start_time": clip.start_seconds if clip is not None else None,
        "clip_duration": clip.duration_seconds if clip is not None else None,
        "parameters": dict(parameters),
    }


def started_at(highlight: Highlight, epoch: Epoch) -> datetime:
    """UTC of the highlight's start."""
    after_epoch = timedelta(seconds=highlight.start_seconds - epoch.start_seconds)
    return (epoch.started_at + after_epoch).astimezone(UTC)


def file_stem(started_at: datetime, id: str) -> str:
    """``20261120T201500Z-ID``: what a clip, its picture and its sidecar are called, without the ending."""
    return f"{started_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{id}"


def highlight_id(run_id: str, epoch: int, window: int) -> str:
    """The id of the highlight that ``window`` opened: the same in every replay of the run, and in no other run."""
    return f"{run_id}-{epoch}-{window}"


def why(highlight: Highlight) -> str:
    """One short line for people, the most unusual signal first: ``loudness +6.2, motion +3.1``."""
    by_size = sorted(highlight.deviations.items(), key=lambda item: -item[1])
    return ", ".join(f"{signal} {deviation:+.1f}" for signal, deviation in by_size)


def _window(scored: ScoredWindow) -> dict[str, Any]:
    return {
        "start_time": scored.window.start_seconds,
        "end_time": scored.window.end_seconds,
        "score": number(scored.score),
        "components": _numbers(scored.window.values),
    }


def _planned(draft: Draft | None) -> dict[str, float] | None:
    """Where finishing wants the clip to begin and end; a copied one begins at the keyframe before."""
    if draft is None or not draft.keep:
        return None
    return {"start_time": draft.start_seconds, "end_time": draft.end_seconds}


def clip_facts(clip: Clip | None) -> dict[str, Any] | None:
    """What the file is; None where there is none."""
    if clip is None:
        return None
    return {
        "codec": clip.codec,
        "width": clip.width,
        "height": clip.height,
        "fps": clip.fps,
        "audio": clip.audio,
        "cut": clip.cut,
    }


def _numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: number(value) for name, value in values.items()}


def number(value: float) -> float | None:
    """JSON has no NaN and no infinity: null, as where nothing was measured."""
    return float(value) if math.isfinite(value) else None
