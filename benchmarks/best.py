"""``main best`` on a 1080p30 recording, light: how much faster than it was recorded, and what memory that takes by its length."""

import tempfile
from pathlib import Path

from benchmarks import material
from benchmarks.feeder import feed
from benchmarks.material import Material
from benchmarks.paired import Cost, available_cores, child, python
from benchmarks.report import Cell, Report, RunSettings, Spread, Table
from benchmarks.watching import LIGHT

H264_1080P30 = Material(
    "1080p30 H.264, B-frames", "libx264", 1920, 1080, 30, 6_000_000, {"preset": "veryfast", "sc_threshold": "0"}
)
FILE_SECONDS, QUICK_FILE_SECONDS = 40, 6
LENGTHS_SECONDS, QUICK_LENGTHS_SECONDS = (120, 480), (12, 48)
RUNS, QUICK_RUNS = 3, 1


def run(settings: RunSettings) -> Report:
    lengths = QUICK_LENGTHS_SECONDS if settings.quick else LENGTHS_SECONDS
    once = material.ready(H264_1080P30, QUICK_FILE_SECONDS if settings.quick else FILE_SECONDS)
    rows: list[list[Cell]] = []
    raw: dict[str, list[list[float]]] = {}
    peaks: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in lengths:
            recording = Path(folder) / f"{seconds}.ts"
            with recording.open("wb") as file:
                feed(str(once), seconds, file)
            settings.say(f"best: a recording of {seconds / 60:g} minutes")
            runs = [_pair(recording, Path(folder)) for _ in range(QUICK_RUNS if settings.quick or seconds > 200 else RUNS)]
            speeds = [seconds / whole.wall_seconds for whole, _ in runs]
            ratios = [whole.cpu_seconds / bare.cpu_seconds for whole, bare in runs]
            peak = max(whole.peak_mb or 0.0 for whole, _ in runs)
            peaks.append(peak)
            cpu = [whole.cpu_seconds / seconds for whole, _ in runs]
            rows.append([seconds / 60, Spread.of(speeds), Spread.of(cpu), Spread.of(ratios), peak])
            raw[str(seconds)] = [
                [whole.wall_seconds, whole.cpu_seconds, bare.wall_seconds, bare.cpu_seconds] for whole, bare in runs
            ]
    columns = ["length, min", "times real time", "CPU s per s of video", "CPU against decoding alone", "peak, MB"]
    return Report(
        "main best on a 1080p30 recording, light",
        [Table(f"On {available_cores()} cores", columns, rows)],
        [
            "The whole program: start, scoring without a cache, choosing, finishing, five clips cut, all artifacts.",
            f"{lengths[-1] / lengths[0]:.0f} times the length takes {peaks[-1] / max(peaks[0], 1.0):.2f} times the memory.",
        ],
        raw,
    )


def _pair(recording: Path, folder: Path) -> tuple[Cost, Cost]:
    """The program, and decoding alone of the same file."""
    output = folder / "out"
    whole = child(python("stream_processor", "best", recording, "--no-cache", "--output", output, *LIGHT))
    return whole, child(python("benchmarks.bare", recording, str(available_cores())))
