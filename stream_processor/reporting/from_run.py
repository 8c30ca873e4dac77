"""A journaled run as a page: what was decided, what became of it, and what came near."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stream_processor.clipping.sidecar import why
from stream_processor.deciding.detection import is_standby
from stream_processor.journaling.rows import Run, SavedHighlight
from stream_processor.naming import inside
from stream_processor.records import ScoredWindow
from stream_processor.redact import one_line
from stream_processor.reporting.drawing import clock
from stream_processor.reporting.near_misses import What, near_misses
from stream_processor.reporting.page import Curve, Moment, Page, Point
from stream_processor.reporting.pictures import data_uris

_LARGEST_SIDECAR_BYTES = 4_000_000


def page_of_run(
    run: Run,
    windows: Sequence[ScoredWindow],
    saved: Sequence[SavedHighlight],
    *,
    folder: Path,
    ways: Sequence[What],
    others: Sequence[Run] = (),
    notes: Sequence[str] = (),
) -> Page:
    """``folder``: the output folder, in which the run's channel has its own. ``windows`` are those decided, in order."""
    clips = inside(folder, run.channel)
    best_first = sorted(saved, key=lambda one: -one.highlight.score)
    pictures = data_uris(clips / one.clip.picture for one in best_first if one.clip is not None and one.clip.picture)
    moments = [_moment(number, one, clips, pictures) for number, one in enumerate(saved, start=1)]
    highlights = [one.highlight for one in saved]
    duration = max([window.window.end_seconds for window in windows] + [one.end_seconds for one in highlights], default=0.0)
    curve = Curve("The score", duration, _pieces(windows), moments, near_misses(windows, highlights, ways), _standby(windows))
    kept = sum(moment.is_kept for moment in moments)
    ended = "still running, or cut off" if run.ended_at is None else f"{run.ended_at:%Y-%m-%d %H:%M} UTC"
    return Page(
        title=one_line(run.channel, most=120),
        subtitle=one_line(run.source, most=300),
        facts=[
            ("began", f"{run.started_at:%Y-%m-%d %H:%M} UTC"),
            ("ended", ended),
            ("watched", clock(duration)),
            ("highlights", str(len(moments))),
            ("clips", str(kept)),
            ("measured by", ", ".join(f"{signal}: {kind}" for signal, kind in run.signals.items())),
        ],
        curves=[curve],
        notes=notes,
        others=[_other(other) for other in others],
    )


def _other(run: Run) -> str:
    return f"{one_line(run.channel, most=80)}, {run.started_at:%Y-%m-%d %H:%M} UTC: --run {run.id}"


def _standby(windows: Sequence[ScoredWindow]) -> list[tuple[float, float]]:
    """Stretches of waiting screen, joined where their windows overlap."""
    stretches: list[tuple[float, float]] = []
    for window in (scored.window for scored in windows if is_standby(scored.window)):
        if stretches and window.start_seconds <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], window.end_seconds)
        else:
            stretches.append((window.start_seconds, window.end_seconds))
    return stretches


def _pieces(windows: Sequence[ScoredWindow]) -> list[list[Point]]:
    """An epoch a piece; a window stands for its middle."""
    pieces: list[list[Point]] = []
    epoch: int | None = None
    for scored in windows:
        window = scored.window
        if window.epoch != epoch:
            pieces.append([])
            epoch = window.epoch
        pieces[-1].append(Point((window.start_seconds + window.end_seconds) / 2, scored.score, scored.threshold))
    return pieces


def _moment(number: int, saved: SavedHighlight, folder: Path, pictures: Mapping[Path, str]) -> Moment:
    highlight, clip = saved.highlight, saved.clip
    film = folder / clip.filename if clip is not None else None
    is_there = film is not None and film.is_file()
    told = _sidecar(film.with_suffix(".json")) if film is not None else {}
    return Moment(
        number=number,
        start_seconds=highlight.start_seconds,
        end_seconds=highlight.end_seconds,
        peak_seconds=highlight.peak_seconds,
        score=highlight.score,
        threshold=highlight.threshold if math.isfinite(highlight.threshold) else None,
        reason=why(highlight),
        signals={
            name: (value, highlight.deviations.get(name)) for name, value in highlight.components.items() if math.isfinite(value)
        },
        notes=[(note.step, note.reason) for note in saved.draft.notes] if saved.draft is not None else _notes(told),
        picture=pictures.get(folder / clip.picture) if clip is not None and clip.picture else None,
        film=f"{folder.name}/{film.name}" if is_there and film is not None else None,
        clip=_in_words(saved, is_there=is_there),
        is_kept=clip is not None,
    )


def _in_words(saved: SavedHighlight, *, is_there: bool) -> str:
    clip = saved.clip
    if clip is None:
        unfinished = {"open": "still open", "closing": "being cut"}
        return unfinished.get(saved.state, f"no clip: {saved.reason or 'the run does not say why'}")
    size = f", {clip.width} × {clip.height}" if clip.width and clip.height else ""
    return f"clip of {clip.duration_seconds:.1f} s{size}" + ("" if is_there else f": {clip.filename} is not there any more")


def _sidecar(path: Path) -> Mapping[str, Any]:
    """What stands beside the clip; nothing where it is gone or cannot be read."""
    try:
        if path.stat().st_size > _LARGEST_SIDECAR_BYTES:
            return {}
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _notes(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    steps = told.get("finishing")
    if not isinstance(steps, list):
        return []
    return [
        (one_line(str(step.get("step", "")), most=40), one_line(str(step.get("reason", "")), most=300))
        for step in steps[:20]
        if isinstance(step, dict)
    ]
