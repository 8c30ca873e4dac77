"""The JSON beside a best shot. Names are those of a live highlight's (``clipping.sidecar``), where they mean the same."""

from collections.abc import Mapping
from typing import Any

from stream_processor.best.comparing import AGAINST
from stream_processor.best.labels import printable
from stream_processor.best.records import Chosen, Moment, Rejected, Video
from stream_processor.clipping.sidecar import SCHEMA, clip_facts, number
from stream_processor.records import Clip

_LEAST_PENALTY = 0.005


def describe_clip(
    chosen: Chosen, video: Video, clip: Clip | None, *, parameters: Mapping[str, Any], clip_reason: str | None = None
) -> dict[str, Any]:
    """One chosen moment, ready for JSON. ``clip`` None: none could be cut, and ``clip_reason`` says why.

    Times are seconds since the video's first frame; ``start_time`` and ``end_time`` are what was wanted, ``clip_start_time``
    and ``clip_duration`` are the file's own. ``peak_frame`` counts the video's frames from 0.
    """
    return {
        "schema": SCHEMA,
        "id": clip_id(video, chosen.moment),
        "rank": chosen.rank,
        "filename": clip.filename if clip is not None else None,
        "picture": clip.picture if clip is not None else None,
        "source_video": printable(str(video.path)),
        "start_time": chosen.start_seconds,
        "end_time": chosen.end_seconds,
        "duration": chosen.end_seconds - chosen.start_seconds,
        **_peak(chosen.moment),
        "finishing": [{"step": step, "reason": reason} for step, reason in chosen.notes],
        "clip": clip_facts(clip),
        "clip_reason": clip_reason,
        "clip_start_time": clip.start_seconds if clip is not None else None,
        "clip_duration": clip.duration_seconds if clip is not None else None,
        "parameters": dict(parameters),
    }


def describe_rejected(rejected: Rejected, video: Video) -> dict[str, Any]:
    """A peak that was not taken. ``reason`` says why; what speaks for it is in ``components``."""
    return {"source_video": printable(str(video.path)), **_peak(rejected.moment), "reason": rejected.reason}


def describe_video(video: Video) -> dict[str, Any]:
    return {
        "source_video": printable(str(video.path)),
        "key": video.key,
        "duration": video.duration_seconds,
        "width": video.width,
        "height": video.height,
        "fps": video.fps,
        "codec": video.codec,
        "has_sound": video.has_sound,
    }


def clip_id(video: Video, moment: Moment) -> str:
    """The same for the same moment of the same recording, under any name and in any run."""
    return f"{video.key[:12]}-{moment.frame}"


def why(moment: Moment) -> str:
    """One short line for people, the strongest first, penalties last: ``aesthetics 0.92, sharpness 0.81, exposure −0.02``.

    A penalty of nothing is not told.
    """
    known = [
        (name, value)
        for name, value in moment.components.items()
        if number(value) is not None and not (name in AGAINST and value < _LEAST_PENALTY)
    ]
    by_size = sorted(known, key=lambda item: (item[0] in AGAINST, -item[1]))
    return ", ".join(f"{name} {'−' if name in AGAINST else ''}{value:.2f}" for name, value in by_size)


def _peak(moment: Moment) -> dict[str, Any]:
    return {
        "peak_time": moment.peak_seconds,
        "peak_frame": moment.frame,
        "score": number(moment.score),
        "components": {name: number(value) for name, value in moment.components.items()},
        "reason": why(moment),
    }
