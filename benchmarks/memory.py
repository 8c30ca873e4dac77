"""What the program keeps in memory, and whether that grows: hours of stream as fast as they go, by standard input."""

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import material, watching
from benchmarks.material import Material
from benchmarks.paired import REPOSITORY, ChildFailedError, available_cores, child, python, surroundings
from benchmarks.report import Cell, Report, RunSettings, Table

FILE_SECONDS, QUICK_FILE_SECONDS = 40, 6
LONG_SECONDS, QUICK_LONG_SECONDS = 2.25 * 3600, 600
SHORT_SECONDS, QUICK_SHORT_SECONDS = 600, 120
"""Enough for a full ring."""
FULL_SECONDS = 180.0
"""By then the ring is full, and every part has worked for a while."""


class Moment(NamedTuple):
    stream_seconds: float
    rss_mb: float
    ring_mb: float


class Case(NamedTuple):
    name: str
    material: Material
    seconds: float
    options: Sequence[str]


def run(settings: RunSettings) -> Report:
    long_, short = (QUICK_LONG_SECONDS, QUICK_SHORT_SECONDS) if settings.quick else (LONG_SECONDS, SHORT_SECONDS)
    file_seconds = QUICK_FILE_SECONDS if settings.quick else FILE_SECONDS
    cases = [
        Case("720p30 at 6 Mb/s, light", material.H264_720P30_6MB, long_, watching.LIGHT),
        Case("1080p60 at 6 Mb/s, light", material.H264_1080P60_B, short, watching.LIGHT),
        Case("1080p60 at 6 Mb/s, CLIP at 1 fps", material.H264_1080P60_B, short, watching.clip()),
    ]
    rows: list[list[Cell]] = []
    parts: dict[str, dict[str, float]] = {}
    raw: dict[str, Any] = {}
    for case in cases[:2] if settings.quick else cases:
        settings.say(f"memory: {case.name}, {case.seconds / 3600:.2f} h of stream")
        path = material.ready(case.material, file_seconds)
        begun = time.perf_counter()
        cost, log = _watch(path, case)
        moments = [Moment(*(line[field] for field in Moment._fields)) for line in log if line["type"] == "state"]
        rows.append(
            [
                case.name,
                moments[-1].stream_seconds / 3600,
                (time.perf_counter() - begun) / 60,
                cost.peak_mb,
                slope_mb_per_hour(second_half(moments)),
            ]
        )
        parts[case.name] = _parts(log, cost.peak_mb or 0.0, _decoder_mb(path))
        raw[case.name] = {"fields": Moment._fields, "moments": [list(moment) for moment in thinned(moments, 600)]}
    columns = ["what", "stream, h", "took, min", "peak, MB", "slope of the second half, MB/h"]
    return Report(
        "Memory",
        [Table("Over a long run", columns, rows), _parts_table(parts)],
        [
            "One file's packets over and over with rising timestamps, by standard input as MPEG-TS; a ring of 90 s.",
            "Slope: least squares; none where the second half begins before the ring has long been full.",
            "Ring: what its packets hold, counted. Frames: the analysis' own, computed from their sizes.",
            "Decoder: what bare decoding of the same file takes beyond its imports.",
            "Rest: scorers and their model, sound, journal, spool, the allocator's slack.",
        ],
        raw,
    )


def second_half(moments: Sequence[Moment]) -> Sequence[Moment]:
    """Those after half of the stream; none where that is too early to say anything of hours."""
    half = moments[-1].stream_seconds / 2 if moments else 0.0
    return [moment for moment in moments if moment.stream_seconds > half] if half >= FULL_SECONDS else []


def slope_mb_per_hour(moments: Sequence[Moment]) -> float | None:
    """By least squares; None: too few to tell."""
    hours = np.array([moment.stream_seconds for moment in moments]) / 3600
    if len(moments) < 3 or np.ptp(hours) == 0:
        return None
    return float(np.polyfit(hours, [moment.rss_mb for moment in moments], 1)[0])


def thinned(moments: Sequence[Moment], most: int) -> Sequence[Moment]:
    return moments[:: max(len(moments) // most, 1)]


def _watch(path: Path, case: Case) -> tuple[Any, list[dict[str, Any]]]:
    feeder = subprocess.Popen(
        python("benchmarks.feeder", path, str(case.seconds)), stdout=subprocess.PIPE, cwd=REPOSITORY, env=surroundings()
    )
    try:
        result = watching.probed("--stream", "-", *case.options, stdin=feeder.stdout)
        if feeder.wait(timeout=10) != 0:
            raise ChildFailedError("the feeder failed")
        return result
    finally:
        feeder.kill()
        feeder.wait()
        assert feeder.stdout is not None
        feeder.stdout.close()


# ---- by part ---------------------------------------------------------------------------------------------------------


def _decoder_mb(path: Path) -> float:
    """What bare decoding takes beyond its imports."""
    said = json.loads(child(python("benchmarks.bare", path, str(available_cores()))).said)
    return float(said["peak_mb"] - said["before_mb"])


def _parts(log: Sequence[dict[str, Any]], peak_mb: float, decoder_mb: float) -> dict[str, float]:
    begun = next(line["rss_mb"] for line in log if line["type"] == "first packet")
    found = {
        "program, its imports": begun,
        "ring": max(line["ring_mb"] for line in log if line["type"] == "state"),
        "frames": max(line["frames_mb"] for line in log if line["type"] == "frames"),
        "decoder": decoder_mb,
    }
    return {**found, "rest": peak_mb - sum(found.values())}


def _parts_table(parts: dict[str, dict[str, float]]) -> Table:
    names = list(next(iter(parts.values())))
    rows = [[name, *(each[name] for each in parts.values())] for name in names]
    return Table("At the peak, by part, MB", ["part", *parts], rows)
