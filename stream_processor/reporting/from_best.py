"""What ``main best`` chose, as a page: read back from its ``metadata.json`` and its timelines."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from stream_processor.best.labels import file_names
from stream_processor.errors import SettingsError
from stream_processor.redact import one_line
from stream_processor.reporting.drawing import clock
from stream_processor.reporting.page import Curve, Moment, NearMiss, Page, Point
from stream_processor.reporting.pictures import data_uris

CLIPS = "highlights"
_MOST_NEAR_MISSES = 20
"""Of each video, the best ones."""
_GAP_SECONDS = 5.0
"""A curve is torn where nothing was scored for so long."""
_LONGEST_SECONDS = 366 * 86400.0
"""Of a recording; a file that says more is not to be believed."""


def page_of_best(folder: Path, metadata: Path) -> Page:
    """SettingsError: the file cannot be read, or is not what ``main best`` writes."""
    try:
        told = json.loads(metadata.read_text(encoding="utf-8"))
        videos = [Path(video["source_video"]) for video in told["videos"]]
        durations = [_seconds(video["duration"]) for video in told["videos"]]
        best_first = sorted((clip for clip in told["clips"] if clip["picture"]), key=lambda clip: int(clip["rank"]))
        pictures = data_uris(_beside(folder, clip["picture"]) for clip in best_first)
        curves = [
            _curve(folder, told, video, name, duration, pictures)
            for video, name, duration in zip(videos, file_names(videos), durations, strict=True)
        ]
        parameters = dict(told["parameters"])
        notes = [str(note) for note in told.get("notes", [])]
        chosen = len(told["clips"])
    except OSError as error:
        raise SettingsError(f"{metadata}: {error.strerror}") from error
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        what = f"{type(error).__name__}: {one_line(str(error), most=80)}"
        raise SettingsError(f"{metadata}: not what main best writes ({what})") from error
    return Page(
        title="Best shots",
        subtitle=", ".join(one_line(video.name, most=120) for video in videos),
        facts=[
            ("recordings", str(len(videos))),
            ("length", clock(sum(durations))),
            ("chosen", str(chosen)),
            *((name, one_line(str(parameters[name]), most=60)) for name in ("k", "prompt", "look_kind") if parameters.get(name)),
        ],
        curves=curves,
        notes=notes,
    )


def _curve(
    folder: Path, told: Mapping[str, Any], video: Path, name: str, duration_seconds: float, pictures: Mapping[Path, str]
) -> Curve:
    moments = [_moment(folder, clip, pictures) for clip in told["clips"] if Path(clip["source_video"]) == video]
    rejected = [_near_miss(one) for one in told["rejected"] if Path(one["source_video"]) == video]
    outside = [one for one in rejected if not any(clip.start_seconds <= one.peak_seconds < clip.end_seconds for clip in moments)]
    nearest = sorted(outside, key=lambda one: one.score if math.isfinite(one.score) else -math.inf)[-_MOST_NEAR_MISSES:]
    return Curve(
        title=one_line(video.name, most=120),
        duration_seconds=duration_seconds,
        pieces=_pieces(folder / f"timeline_{name}.csv"),
        moments=moments,
        near_misses=sorted(nearest, key=lambda one: one.peak_seconds),
    )


def _moment(folder: Path, clip: Mapping[str, Any], pictures: Mapping[Path, str]) -> Moment:
    film = _beside(folder, clip["filename"]) if clip["filename"] else None
    is_there = film is not None and film.is_file()
    seconds = clip["clip_duration"] if clip["clip_duration"] is not None else clip["duration"]
    return Moment(
        number=int(clip["rank"]),
        start_seconds=_seconds(clip["start_time"]),
        end_seconds=_seconds(clip["end_time"]),
        peak_seconds=_seconds(clip["peak_time"]),
        score=_number(clip["score"]),
        threshold=None,
        reason=str(clip["reason"]),
        signals={name: (_number(value), None) for name, value in clip["components"].items() if math.isfinite(_number(value))},
        notes=[(str(step["step"]), str(step["reason"])) for step in clip.get("finishing", [])],
        picture=pictures.get(_beside(folder, clip["picture"])) if clip["picture"] else None,
        film=f"{CLIPS}/{film.name}" if is_there and film is not None else None,
        clip=f"clip of {seconds:.1f} s" if film is not None else f"no clip: {clip['clip_reason']}",
        is_kept=film is not None,
    )


def _near_miss(one: Mapping[str, Any]) -> NearMiss:
    peak = _seconds(one["peak_time"])
    return NearMiss(peak, peak, peak, _number(one["score"]), None, str(one["reason"]))


def _beside(folder: Path, filename: str) -> Path:
    """Never outside of the folder of clips, whatever the file says."""
    return folder / CLIPS / Path(filename).name


def _seconds(value: float) -> float:
    if not -1 <= float(value) <= _LONGEST_SECONDS:
        raise ValueError(f"{value} is no time in a recording")
    return float(value)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _pieces(timeline: Path) -> Sequence[Sequence[Point]]:
    """The smoothed score; nothing where the file is gone."""
    try:
        with timeline.open(newline="", encoding="utf-8") as file:
            points = [Point(float(row["time"]), float(row["smoothed"] or "nan"), math.nan) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError, csv.Error):
        return []
    tears = [0, *(at + 1 for at, (one, next_) in enumerate(pairwise(points)) if next_.seconds - one.seconds > _GAP_SECONDS)]
    return [points[start:end] for start, end in pairwise([*tears, len(points)])]
