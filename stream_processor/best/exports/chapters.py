"""Where the best moments are in the recordings themselves, as chapters: for a video's description, and for FFmpeg."""

import re

from stream_processor.best.labels import clock, printable
from stream_processor.best.records import Chosen, Selection

_NEAREST_SECONDS = 10.0
"""YouTube wants chapters of so many seconds, the first at 0:00."""


def text(selection: Selection) -> str:
    """Lines for a video's description, a block for each video: ``0:00 Start``, ``12:34 Best moment 2 (score 0.91)``.

    YouTube makes chapters of three lines or more; fewer are links to their times.
    """
    blocks = []
    for video, scored in enumerate(selection.tables):
        chosen = _in_order(selection, video)
        if not chosen:
            continue
        lines = [] if len(selection.tables) == 1 else [f"{printable(scored.table.video.path.name)}:"]
        at_start = chosen[0].start_seconds < _NEAREST_SECONDS
        if not at_start:
            lines.append("0:00 Start")
        last_seconds = 0.0
        for place, one in enumerate(chosen):
            begins = 0.0 if place == 0 and at_start else one.start_seconds
            if place > 0 and begins - last_seconds < _NEAREST_SECONDS:
                lines[-1] += f", {_title(one)}"
                continue
            lines.append(f"{clock(begins)} {_title(one)}")
            last_seconds = begins
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def ffmetadata(selection: Selection, video: int) -> str:
    """FFmpeg's metadata file: ``ffmpeg -i VIDEO -i FILE -map_metadata 1 -codec copy OUT``. Empty where nothing was chosen."""
    chosen = _in_order(selection, video)
    lines = [";FFMETADATA1"]
    end = 0
    for one in chosen:
        begin = max(round(one.start_seconds * 1000), end)
        end = max(round(one.end_seconds * 1000), begin + 1)
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={begin}", f"END={end}", f"title={_escaped(_title(one))}"]
    return "\n".join(lines) + "\n" if chosen else ""


def _in_order(selection: Selection, video: int) -> list[Chosen]:
    return sorted((one for one in selection.chosen if one.moment.video == video), key=lambda one: one.start_seconds)


def _title(one: Chosen) -> str:
    return f"Best moment {one.rank} (score {one.moment.score:.2f})"


def _escaped(words: str) -> str:
    return re.sub(r"([=;#\\\n])", r"\\\1", words)
