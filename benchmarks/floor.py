"""The whole program on a file against PyAV decoding that file and doing nothing else."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import material, watching
from benchmarks.material import Material
from benchmarks.paired import Cost, alternate, available_cores, child, python, ratio, spread
from benchmarks.report import Cell, Report, RunSettings, Spread, Table
from benchmarks.threads import ThreadTimes

MATERIALS = (material.H264_1080P60_B, material.H264_1080P60_NO_B, material.H264_720P30, material.HEVC_1080P60)
SECONDS, QUICK_SECONDS, SHORT_SECONDS = 40, 6, 1
ROUNDS, QUICK_ROUNDS = 5, 2
MODES = ("light", "CLIP at 1 fps")

PARTS = {
    "av:": "decoding: FFmpeg's threads",
    "decode": "decoding: own thread (scaling, sound, panes; picture where FFmpeg uses no threads)",
    "demux": "demuxing, timestamps, ring",
    "engine": "scoring",
    "journal": "journal",
    "clips": "cutting",
}
"""Beginnings of thread names, and what these threads do. The rest is starting up, the event loop, and what no look caught."""


def run(settings: RunSettings) -> Report:
    seconds, rounds = (QUICK_SECONDS, QUICK_ROUNDS) if settings.quick else (SECONDS, ROUNDS)
    modes = {MODES[0]: watching.LIGHT, MODES[1]: watching.clip()}
    ratios: list[list[Cell]] = []
    parts: dict[str, dict[str, float]] = {}
    raw: dict[str, Any] = {}
    for each in MATERIALS[:1] if settings.quick else MATERIALS:
        settings.say(f"floor: {each.name}, {seconds} s")
        costs = _measure(material.ready(each, seconds), modes, rounds)
        short = _measure(material.ready(each, SHORT_SECONDS), modes, rounds)
        ratios += [_row(each, mode, costs, short) for mode in modes]
        parts |= {f"{each.name}, {mode}": _parts(material.ready(each, seconds), options) for mode, options in modes.items()}
        raw[each.name] = {"whole": _samples(costs), f"{SHORT_SECONDS} s": _samples(short)}
    columns = ["file", "novelty", "bare CPU, s", "program CPU, s", "CPU ratio", "wall ratio", "CPU ratio without start-up"]
    columns += ["program on 1 s, CPU s", "program peak, MB"]
    return Report(
        "Floor: the whole program against decoding alone",
        [Table(f"{seconds} s of stream, {rounds} rounds in turn", columns, ratios), _parts_table(parts, seconds)],
        [
            f"Bare: PyAV decodes picture and sound, thread_type AUTO, {available_cores()} threads, and nothing else.",
            f"Without start-up: each less what it costs on {SHORT_SECONDS} s of the same material (imports, weights, closing).",
        ],
        raw,
    )


# ---- ratios ----------------------------------------------------------------------------------------------------------


def _measure(path: Path, modes: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[Cost]]:
    variants = {"bare": lambda: child(python("benchmarks.bare", path, str(available_cores())))}
    for mode, options in modes.items():
        variants[mode] = lambda options=options: watching.watch("--stream", path, *options)
    return alternate(variants, rounds=rounds)


def _row(each: Material, mode: str, costs: Mapping[str, Sequence[Cost]], short: Mapping[str, Sequence[Cost]]) -> list[Cell]:
    bare, program = costs["bare"], costs[mode]
    return [
        each.name,
        mode,
        spread([cost.cpu_seconds for cost in bare]),
        spread([cost.cpu_seconds for cost in program]),
        ratio([cost.cpu_seconds for cost in program], [cost.cpu_seconds for cost in bare]),
        ratio([cost.wall_seconds for cost in program], [cost.wall_seconds for cost in bare]),
        without_start(program, short[mode], bare, short["bare"]),
        spread([cost.cpu_seconds for cost in short[mode]]),
        max(cost.peak_mb or 0.0 for cost in program) or None,
    ]


def without_start(
    program: Sequence[Cost], short_program: Sequence[Cost], bare: Sequence[Cost], short_bare: Sequence[Cost]
) -> Spread | None:
    """CPU ratio, round by round, of what each costs beyond what it costs on a very short file; None: not longer than noise."""
    beyond = [a.cpu_seconds - b.cpu_seconds for a, b in zip(program, short_program, strict=True)]
    beyond_bare = [a.cpu_seconds - b.cpu_seconds for a, b in zip(bare, short_bare, strict=True)]
    return ratio(beyond, beyond_bare) if min(beyond_bare) > 0 else None


def _samples(costs: Mapping[str, Sequence[Cost]]) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [{"cpu_seconds": cost.cpu_seconds, "wall_seconds": cost.wall_seconds, "peak_mb": cost.peak_mb} for cost in each]
        for name, each in costs.items()
    }


# ---- where it goes ---------------------------------------------------------------------------------------------------


def _parts(path: Path, options: Sequence[str]) -> dict[str, float]:
    """CPU seconds by part, in the order of ``PARTS``, of one run: by thread, seen from outside, and by scorer."""
    times = ThreadTimes()
    cost, log = watching.probed("--stream", path, *options, look=times.look)
    found = by_part(times.cpu_seconds, cost.cpu_seconds)
    scorers = next((line["scorer_cpu_seconds"] for line in log if line["type"] == "end"), {})
    return found | {f"of scoring: {signal}": seconds for signal, seconds in scorers.items()}


def by_part(threads: Mapping[str, float], total_seconds: float) -> dict[str, float]:
    found = {what: sum(seconds for name, seconds in threads.items() if name.startswith(begins)) for begins, what in PARTS.items()}
    return {**found, "start-up, event loop, closing": max(total_seconds - sum(found.values()), 0.0)}


def _parts_table(parts: Mapping[str, Mapping[str, float]], seconds: float) -> Table:
    def milliseconds(each: Mapping[str, float], name: str) -> Cell:
        return each[name] / seconds * 1000 if name in each else None

    names = list(dict.fromkeys(name for each in parts.values() for name in each))
    rows = [[name, *(milliseconds(each, name) for each in parts.values())] for name in names]
    return Table("Where it goes: CPU milliseconds per second of stream", ["part", *parts], rows)
