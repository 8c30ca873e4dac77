"""Packet sizes as a first sieve: how well they tell where the picture is unusual, without decoding anything.

A sieve that keeps a highlight must rate at least one of its windows high enough to be kept; the share of all windows that must
be kept for that is what would still have to be decoded.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt

from benchmarks.agreement import FEWEST, agreement, known, spearman
from benchmarks.measure import Interval
from benchmarks.methods import online, windows_of
from benchmarks.paired import Cost, alternate, ratio, within
from benchmarks.panescores import pane_scores
from benchmarks.report import Cell, Table
from benchmarks.sampled import decoded
from stream_processor.deciding.decisions import build_normaliser
from stream_processor.records import PaneScore, Sum, Window
from stream_processor.settings import SaliencySettings

FILES = (
    "planted_dev.mp4",
    "sintel_trailer_480p.mp4",
    "intel_one_by_one_139s.mp4",
    "srs_wallclock_119s.flv",
    "gameplay_spaceshooter_24s.mp4",
    "intel_car_detection_30s.mp4",
    "bbb_0_30_720p.webm",
)
QUICK = ("planted_dev.mp4",)
TIMED = "sintel_trailer_480p.mp4"
VISUAL = {"motion": 0.4, "novelty": 0.4}
SIZES = {"bytes": 1.0}
HISTORY_WINDOWS = 20
"""The rolling median reaches a minute back."""

Floats = npt.NDArray[np.float64]


class Sieved(NamedTuple):
    """Of each window of one file: its stream time, how unusual its picture is and its packets are; and what was detected."""

    windows: Sequence[Window]
    visual: Floats
    bytes: Floats
    relative: Floats
    highlights: Sequence[Interval]


def tables(folder: Path, *, quick: bool) -> list[Table]:
    files = {name: sieved(folder / name) for name in (QUICK if quick else FILES)}
    return [_correlations(files), _spared(files), _cost(folder / TIMED, rounds=1 if quick else 5)]


def sieved(path: Path) -> Sieved:
    scored = pane_scores(path)
    sizes = log_bytes(path)
    windows = windows_of([_with_size(pane, sizes) for pane in scored])
    found = [window for window in windows if "bytes" in window.values and not window.is_short]
    values = np.array([window.values["bytes"] for window in found])
    visual = np.array(deviations(found, VISUAL))
    return Sieved(found, visual, values, above_rolling_median(values), online()(scored).highlights)


def log_bytes(path: Path) -> dict[int, float]:
    """Second -> natural logarithm of the bytes that its packets hold, keyframes left out: their rhythm is the encoder's."""
    sizes: dict[int, int] = {}
    with av.open(str(path)) as container:
        stream: Any = container.streams.best("video")
        origin: float | None = None
        for packet in container.demux(stream):
            if packet.pts is None:
                continue
            seconds = float(packet.pts * packet.time_base)
            origin = seconds if origin is None else origin
            if not packet.is_keyframe and seconds >= origin:
                second = int(seconds - origin)
                sizes[second] = sizes.get(second, 0) + packet.size
    return {second: float(np.log(size)) for second, size in sizes.items()}


def deviations(windows: Sequence[Window], weights: dict[str, float]) -> list[float]:
    """The project's own saliency of each window against those before it."""
    normaliser = build_normaliser(SaliencySettings(), weights)
    found: list[float] = []
    for window in windows:
        found.append(normaliser.score(window).saliency)
        normaliser.learn([window])
    return found


def above_rolling_median(values: Floats) -> Floats:
    """Each value less the median of those up to a minute before it; 0 for the first."""
    return np.array(
        [value - (np.median(values[max(at - HISTORY_WINDOWS, 0) : at]) if at else value) for at, value in enumerate(values)]
    )


def share_needed(sieve: Floats, windows: Sequence[Interval], highlights: Sequence[Interval], kept: float) -> float:
    """The smallest share of windows, taken from the top of the sieve, that touches ``kept`` (0 to 1) of the highlights."""
    best = [
        max((value for value, (a, b) in zip(sieve, windows, strict=True) if a < end and b > start), default=-np.inf)
        for start, end in highlights
    ]
    needed = sorted(best, reverse=True)[: int(np.ceil(kept * len(best)))]
    return float((sieve >= needed[-1]).mean()) if needed else 0.0


def _with_size(pane: PaneScore, sizes: dict[int, float]) -> PaneScore:
    size = {"bytes": Sum(sizes[pane.number], 1)} if pane.number in sizes else {}
    return PaneScore(
        pane.epoch, pane.number, pane.start_seconds, pane.duration_seconds, {**pane.signals, **size}, is_last=pane.is_last
    )


# ---- tables ----------------------------------------------------------------------------------------------------------


def _correlations(files: dict[str, Sieved]) -> Table:
    rows: list[Sequence[Cell]] = [
        (name, len(file.windows), spearman(file.bytes, file.visual), spearman(file.relative, file.visual))
        for name, file in files.items()
        if len(file.windows) >= FEWEST
    ]
    plain, relative = (
        agreement([(getattr(file, kind), file.visual) for file in files.values()]) for kind in ("bytes", "relative")
    )
    rows.append(("median of files", None, known(plain.median), known(relative.median)))
    rows.append(("pooled", None, known(plain.pooled), known(relative.pooled)))
    return Table(
        "Bytes without keyframes against visual saliency, per window: Spearman's correlation",
        ("file", "windows", "log bytes", "log bytes above their rolling median"),
        rows,
    )


def _spared(files: dict[str, Sieved]) -> Table:
    rows: list[Sequence[Cell]] = []
    for name, file in files.items():
        if not file.highlights:
            continue
        intervals = [(window.start_seconds, window.end_seconds) for window in file.windows]
        shares = [
            share_needed(sieve, intervals, file.highlights, kept) for sieve in (file.bytes, file.relative) for kept in (0.95, 1.0)
        ]
        rows.append((name, len(file.windows), len(file.highlights), *shares))
    return Table(
        "Share of windows that must be decoded so that the detected highlights are all touched",
        ("file", "windows", "highlights", "log bytes, 95 %", "log bytes, 100 %", "above median, 95 %", "above median, 100 %"),
        rows,
    )


def _cost(path: Path, rounds: int) -> Table:
    def demuxed() -> Cost:
        return within(lambda: log_bytes(path))

    def decoding() -> Cost:
        return within(lambda: sum(1 for _ in decoded(path)))

    costs = alternate({"packet sizes": demuxed, "decoding": decoding}, rounds=rounds)
    cpu = {name: [cost.cpu_seconds for cost in each] for name, each in costs.items()}
    return Table(
        f"What the sieve costs on {path.name}",
        ("variant", "CPU, s", "ratio to decoding"),
        [(name, sorted(values)[len(values) // 2], ratio(values, cpu["decoding"])) for name, values in cpu.items()],
    )
