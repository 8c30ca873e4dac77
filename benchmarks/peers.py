"""Other people's programs on the same file, for scale: they do other things, and each does its own well.

Each runs in an environment of its own that ``uv tool run`` makes, at its defaults, as a whole process, start-up included.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import material
from benchmarks.paired import ChildFailedError, Cost, alternate, child, python, ratio, spread
from benchmarks.report import Cell, Report, RunSettings, Skipped, Table

PEERS: Mapping[str, tuple[str, Sequence[str]]] = {
    "PySceneDetect, detect-content": (
        "scenedetect[opencv-headless]",
        ("scenedetect", "--quiet", "--input", "{file}", "--output", "{folder}", "detect-content", "list-scenes"),
    ),
    "DVR-Scan, motion scan": ("dvr-scan", ("dvr-scan", "--quiet", "--input", "{file}", "--scan-only")),
}
"""Name -> package, and the command."""
OURS = "this program, light novelty"


def run(settings: RunSettings) -> Report:
    """CPU seconds for a minute of 1080p60, side by side."""
    if shutil.which("uv") is None:
        raise Skipped("uv is not on the path: it makes the environments of the other programs")
    seconds, rounds = (8, 1) if settings.quick else (40, 3)
    path = material.ready(material.H264_1080P60_B, seconds)
    with tempfile.TemporaryDirectory() as folder:
        variants: dict[str, Callable[[], Cost]] = {OURS: lambda: _ours(path, Path(folder))}
        notes = []
        for name, (package, words) in PEERS.items():
            command = [word.format(file=path, folder=folder) for word in words]
            settings.say(f"peers: {name}")
            try:
                child(["uv", "tool", "run", "--from", package, command[0], "--help"])
            except ChildFailedError as error:
                notes.append(f"{name} could not be run: {error}")
                continue
            variants[name] = lambda package=package, command=command: child(["uv", "tool", "run", "--from", package, *command])
        settings.say(f"peers: {len(variants)} programs in turn")
        costs = alternate(variants, rounds=rounds, warmups=0 if settings.quick else 1)
    return Report("Peers", [Table(f"{material.H264_1080P60_B.name}, {seconds} s", COLUMNS, rows(costs, seconds))], notes)


COLUMNS = ("program", "CPU, s per minute of stream", "wall, s per minute of stream", "CPU, as a multiple of ours", "peak, MB")


def rows(costs: Mapping[str, Sequence[Cost]], seconds: float) -> list[list[Cell]]:
    """A line for each program; ours is what the others are multiples of."""
    minutes = seconds / 60
    ours = [cost.cpu_seconds for cost in costs[OURS]]
    return [
        [
            name,
            spread([cost.cpu_seconds / minutes for cost in of_program]),
            spread([cost.wall_seconds / minutes for cost in of_program]),
            ratio([cost.cpu_seconds for cost in of_program], ours),
            max((cost.peak_mb for cost in of_program if cost.peak_mb is not None), default=None) if name == OURS else None,
        ]
        for name, of_program in costs.items()
    ]


def _ours(path: Path, folder: Path) -> Cost:
    output = Path(tempfile.mkdtemp(dir=folder))
    return child(python("stream_processor", "--stream", path, "--output", output, "--ui", "plain", "--set", "novelty.kind=light"))
