"""How soon the program answers: its help, and the first scored pane of a stream."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import material, watching
from benchmarks.paired import Cost, alternate, child, python, spread, surroundings
from benchmarks.report import Cell, Report, RunSettings, Table

ROUNDS, QUICK_ROUNDS = 10, 3
WATCHED_SECONDS = 4
"""Enough for a first pane while the file is played at 1x."""


def run(settings: RunSettings) -> Report:
    rounds = QUICK_ROUNDS if settings.quick else ROUNDS
    settings.say("startup: help")
    helps = _help(rounds)
    path = material.ready(material.H264_1080P60_B, WATCHED_SECONDS)
    modes = {"light": watching.LIGHT, "CLIP, weights on disk": watching.clip()}
    settings.say("startup: first pane")
    first_panes = alternate(
        {mode: lambda options=options: _first_pane(path, options) for mode, options in modes.items()}, rounds=max(rounds // 2, 2)
    )
    found = {mode: [delays(log, begun) for begun, log in runs] for mode, runs in first_panes.items()}
    return Report(
        "Start-up",
        [
            Table(
                "`main --help`",
                ["modules compiled before", "wall, s", "CPU, s", "peak, MB"],
                [_help_row(name, costs) for name, costs in helps.items()],
            ),
            Table(
                "1080p60 at 1x",
                ["novelty", "start to first packet, s", "first packet to first scored pane, s", "resident at first packet, MB"],
                [[mode, *(spread(list(column)) for column in zip(*rows, strict=True))] for mode, rows in found.items()],
            ),
        ],
        notes=[
            "A pane holds a second of stream, so at 1x the first cannot be scored within the first second.",
            "Not compiled before: as on the first run after installing. The files themselves were in the system's cache.",
        ],
        raw={"help": {name: [cost.wall_seconds for cost in costs] for name, costs in helps.items()}, "first_pane": found},
    )


def _help(rounds: int) -> dict[str, list[Cost]]:
    with tempfile.TemporaryDirectory() as kept:
        return alternate({"yes": lambda: _ask_help(Path(kept)), "no": _ask_help_cold}, rounds=rounds)


def _ask_help(bytecode: Path) -> Cost:
    return child(python("stream_processor", "--help"), environment={**surroundings(), "PYTHONPYCACHEPREFIX": str(bytecode)})


def _ask_help_cold() -> Cost:
    with tempfile.TemporaryDirectory() as empty:
        return _ask_help(Path(empty))


def _help_row(name: str, costs: Sequence[Cost]) -> list[Cell]:
    peaks_mb = [cost.peak_mb for cost in costs if cost.peak_mb is not None]
    return [
        name,
        spread([cost.wall_seconds for cost in costs]),
        spread([cost.cpu_seconds for cost in costs]),
        spread(peaks_mb) if peaks_mb else None,
    ]


def _first_pane(path: Path, options: Sequence[str]) -> tuple[float, list[dict[str, Any]]]:
    """When the program was started, and what was heard of it."""
    begun = time.monotonic()
    _, log = watching.probed("--stream", path, "--pace", "live", *options)
    return begun, log


def delays(log: Sequence[dict[str, Any]], begun: float) -> tuple[float, float, float]:
    """Seconds to the first packet, from there to the first scored pane, and MB resident at the first packet."""
    packet = next(line for line in log if line["type"] == "first packet")
    pane = next(line for line in log if line["type"] == "first pane")
    return packet["at"] - begun, pane["at"] - packet["at"], packet["rss_mb"]
