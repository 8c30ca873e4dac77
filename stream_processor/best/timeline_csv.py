"""One video's sampled frames as a table: what was measured, what it counts, how it was smoothed, and what came of it."""

import csv
import math
from pathlib import Path

from stream_processor.best.records import ScoreTable, Selection


def write(path: Path, scored: ScoreTable, selection: Selection, video: int) -> None:
    """UTF-8, comma, decimal point whatever the locale; what was not measured is empty.

    Columns: ``time`` (seconds since the first frame), ``frame``, each signal's value in its own unit, ``component_NAME`` (0 to
    1), ``score``, ``smoothed``, ``chosen`` (the clip's rank), ``rejected`` (why that peak was not taken).
    """
    table = scored.table
    signals, components = list(table.signals), list(scored.components)
    chosen = {one.moment.index: one.rank for one in selection.chosen if one.moment.video == video}
    rejected = {one.moment.index: one.reason for one in selection.rejected if one.moment.video == video}
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(
            ["time", "frame", *signals, *(f"component_{name}" for name in components), "score", "smoothed", "chosen", "rejected"]
        )
        for index, (seconds, frame) in enumerate(zip(table.times.tolist(), table.frames.tolist(), strict=True)):
            rows.writerow(
                [
                    number(seconds),
                    frame,
                    *(number(table.signals[name][index]) for name in signals),
                    *(number(scored.components[name][index]) for name in components),
                    number(scored.scores[index]),
                    number(scored.smoothed[index]),
                    chosen.get(index, ""),
                    rejected.get(index, ""),
                ]
            )


def number(value: float) -> str:
    """At most six decimals; empty where there is none."""
    value = float(value)
    if not math.isfinite(value):
        return ""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
