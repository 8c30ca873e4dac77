"""The codec's own motion vectors as a motion signal: how well they rank moments, and what decoding them costs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from av.codec.context import Flags2

from benchmarks.agreement import FEWEST, Floats, Track, agreement, known, panes, spearman, together, windows
from benchmarks.movement import reference
from benchmarks.paired import Cost, alternate, ratio, within
from benchmarks.report import Cell, Table
from benchmarks.sampled import decoded

FILES = {
    "planted_dev.mp4": 418.0,
    "sintel_trailer_480p.mp4": 52.0,
    "gameplay_spaceshooter_24s.mp4": 24.0,
    "intel_car_detection_30s.mp4": 30.0,
    "intel_one_by_one_139s.mp4": 60.0,
    "walking_crowd_14s.mp4": 14.0,
    "media3_rooftop_17s.mp4": 17.0,
}
"""H.264 all: for VP8 FFmpeg exports no vectors."""
QUICK = ("gameplay_spaceshooter_24s.mp4", "media3_rooftop_17s.mp4")
TIMED = "sintel_trailer_480p.mp4"


def tables(folder: Path, *, quick: bool) -> list[Table]:
    names = QUICK if quick else tuple(FILES)
    return [_agreement(folder, names), _cost(folder / TIMED, rounds=1 if quick else 5)]


def vector_track(path: Path, at_most_seconds: float) -> Track:
    """Mean displacement over the picture by the vectors from the past, per frame that has some, in frame heights."""
    seconds: list[float] = []
    values: list[float] = []
    for moment, frame in decoded(path, _exporting):
        if moment >= at_most_seconds:
            break
        found = _vectors(frame)
        if found is not None:
            seconds.append(moment)
            values.append(mean_displacement(found, frame.width, frame.height) / frame.height)
    return Track(np.array(seconds), np.array(values))


def mean_displacement(vectors: np.ndarray, width: int, height: int) -> float:
    """Pixels, weighted by area; blocks without a vector from the past (intra, or from the future only) count as still.

    ``vectors``: FFmpeg's AVMotionVector as a structured array. How many frames back a vector points is not told.
    """
    past = vectors[vectors["source"] < 0]
    lengths = np.hypot(past["motion_x"], past["motion_y"]) / np.maximum(past["motion_scale"], 1)
    areas = past["w"].astype(np.float64) * past["h"]
    return float((lengths * areas).sum() / (width * height))


def _vectors(frame: Any) -> np.ndarray | None:
    """None: an intra picture, which has none."""
    side = frame.side_data.get("MOTION_VECTORS")
    return side.to_ndarray() if side is not None and len(side) else None


def _exporting(context: Any) -> None:
    context.thread_type = "AUTO"
    context.flags2 |= Flags2.export_mvs


def _agreement(folder: Path, names: Sequence[str]) -> Table:
    by_pane: list[tuple[Floats, Floats]] = []
    by_window: list[tuple[Floats, Floats]] = []
    rows: list[Sequence[Cell]] = []
    for name in names:
        found, flow = vector_track(folder / name, FILES[name]), reference(folder / name, FILES[name])
        by_pane.append(together(panes(found), panes(flow)))
        by_window.append(together(windows(found), windows(flow)))
        rows.append((name, *(spearman(*each[-1]) if len(each[-1][0]) >= FEWEST else None for each in (by_pane, by_window))))
    pane, window = agreement(by_pane), agreement(by_window)
    rows.append(("median of files", known(pane.median), known(window.median)))
    rows.append(("pooled", known(pane.pooled), known(window.pooled)))
    return Table("Motion vectors against full-size Farneback: Spearman's correlation", ("file", "per pane", "per window"), rows)


def _cost(path: Path, rounds: int) -> Table:
    def bare() -> Cost:
        return within(lambda: sum(1 for _ in decoded(path)))

    def exported() -> Cost:
        return within(lambda: sum(1 for _ in decoded(path, _exporting)))

    def read() -> Cost:
        return within(lambda: vector_track(path, float("inf")))

    costs = alternate({"bare": bare, "exported": exported, "read": read}, rounds=rounds)
    cpu = {name: [cost.cpu_seconds for cost in each] for name, each in costs.items()}
    return Table(
        f"What vectors add to decoding {path.name}",
        ("variant", "CPU, s", "ratio to decoding alone"),
        [(name, sorted(values)[len(values) // 2], ratio(values, cpu["bare"])) for name, values in cpu.items()],
    )
