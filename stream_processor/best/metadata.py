"""``metadata.json``: all of a run in one file, and which files it wrote, so that the next run replaces these and no others."""

from collections.abc import Mapping, Sequence
from typing import Any

from stream_processor.best.records import Selection
from stream_processor.best.sidecars import describe_rejected, describe_video
from stream_processor.clipping.sidecar import SCHEMA

NAME = "metadata.json"


def metadata(selection: Selection, clips: Sequence[Mapping[str, Any]], files: Mapping[str, str]) -> dict[str, Any]:
    """Ready for JSON. ``clips`` are the sidecars in rank order; ``files``: path below the folder -> its SHA-256."""
    parameters = dict(selection.parameters)
    return {
        "schema": SCHEMA,
        "clips": [{key: value for key, value in clip.items() if key != "parameters"} for clip in clips],
        "rejected": [describe_rejected(one, selection.tables[one.moment.video].table.video) for one in selection.rejected],
        "videos": [describe_video(scored.table.video) for scored in selection.tables],
        "notes": list(selection.notes),
        "parameters": parameters,
        "files": dict(sorted(files.items())),
    }
