"""Which optical flow, at which size, still ranks moments as full-size Farneback does, and what it costs.

Each file is decoded once; every sampled picture is scaled straight from the stream's own size to that of each candidate, as the
program does it, and each candidate measures each pair. What decides are windows, so the same is shown per pane and per window;
and for the few that come into question, whether the program still finds the same highlights with them.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import cv2

from benchmarks.agreement import Agreement, Track, known
from benchmarks.finalists import finalists
from benchmarks.movement import (
    COMMON,
    FULL_HEIGHT,
    REFERENCE,
    Candidate,
    Kept,
    difference,
    dis,
    farneback,
    kept,
    milliseconds,
    pairs,
    reference,
    tracks,
)
from benchmarks.paired import ratio
from benchmarks.report import Report, RunSettings, Skipped, Spread, Table
from benchmarks.streams import MEDIA

FILES: Mapping[str, float] = {
    "sintel_trailer_480p.mp4": 52,
    "bbb_0_30_720p.webm": 30,
    "gameplay_spaceshooter_24s.mp4": 24,
    "gameplay_minecraft_5s.mp4": 6,
    "intel_car_detection_30s.mp4": 30,
    "intel_one_by_one_139s.mp4": 60,
    "walking_crowd_14s.mp4": 14,
    "media3_rooftop_17s.mp4": 17,
}
"""Name -> seconds looked at: film, animation, two games, traffic, people before a fixed camera, a crowd, a camera in the hand."""
QUICK = {"gameplay_spaceshooter_24s.mp4": 10.0, "media3_rooftop_17s.mp4": 10.0}

UNCAPPED = ("walking_crowd_14s.mp4", 14.0)
"""The 720p clip on which the cap itself is checked, and how many seconds of it: all."""
REACH = 0.9
FINALISTS = (
    "Farneback 180",
    "Farneback 180, iterations 2",
    "Farneback 180, iterations 1",
    "Farneback 144, iterations 2",
    "Farneback 128",
    "Farneback 128, iterations 2",
    "Farneback 128, iterations 1",
    "Farneback 120, iterations 2",
    "Farneback 120, poly_n 7",
    "Farneback 96, iterations 2",
    "DIS fast 180",
    "absolute difference 180",
)
TIMED_PAIRS = 10


OURS = "Farneback 180, iterations 2"
"""What the others' cost is told in."""


def candidates() -> list[Candidate]:
    """What might do instead. The parameters are the common ones but for those that a name tells."""
    found = [Candidate(f"Farneback {height}", height, farneback()) for height in (270, 180, 144, 128, 120, 112, 96, 90, 72, 64)]
    for height, changes in TUNED:
        parts = {"winsize": "window", "iterations": "iterations", "levels": "levels", "poly_n": "poly_n"}
        told = ", ".join(f"{parts[name]} {value}" for name, value in changes.items() if name in parts)
        found.append(Candidate(f"Farneback {height}, {told}", height, farneback(COMMON._replace(**changes))))
    presets = {
        "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
        "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
        "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
    }
    found += [
        Candidate(f"DIS {name} {height}", height, dis(preset)) for name, preset in presets.items() for height in (480, 270, 180)
    ]
    return [*found, *(Candidate(f"absolute difference {height}", height, difference) for height in (180, 90))]


TUNED: Sequence[tuple[int, dict[str, int | float]]] = (
    *((height, {"iterations": iterations}) for height in (180, 144, 128, 120, 112, 96) for iterations in (2, 1)),
    *((180, {"levels": levels}) for levels in (1, 0)),
    *((height, {"winsize": winsize}) for height, winsize in ((180, 9), (120, 9), (90, 7))),
    *((height, {"poly_n": 7, "poly_sigma": 1.5}) for height in (180, 120, 96)),
    *((height, {"poly_n": 7, "poly_sigma": 1.5, "iterations": 1}) for height in (144, 120, 108, 96)),
)
"""Height, and what differs from the project's parameters there: less work per picture, or a window scaled down with it."""


# ---- tables ----------------------------------------------------------------------------------------------------------


def run(settings: RunSettings) -> Report:
    missing = [name for name in FILES if not (MEDIA / name).exists()]
    if missing:
        raise Skipped(f"{MEDIA.name}/{missing[0]} is not there, beside the repository")
    measured = candidates()
    files = QUICK if settings.quick else FILES
    found: dict[str, list[Track]] = {}
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for name, seconds in files.items():
            settings.say(f"{name}, {seconds:g} s")
            found[name] = tracks(MEDIA / name, seconds, measured)
        references = [reference(MEDIA / name, seconds) for name, seconds in files.items()]
        cap = _cap()
        long_run = []
        if not settings.quick:
            settings.say("the finalists on a long recording")
            long_run.append(finalists([each for each in measured if each.name in FINALISTS]))
        settings.say("timing")
        material = pairs(MEDIA / "sintel_trailer_480p.mp4", 52, 2 if settings.quick else TIMED_PAIRS)
        rounds = 1 if settings.quick else 5
        alone = milliseconds([REFERENCE, *measured], material, rounds)
        cv2.setNumThreads(threads)
        together_ms = milliseconds([REFERENCE, *measured], material, rounds)
    finally:
        cv2.setNumThreads(threads)
    keeps = {each.name: kept([of[at] for of in found.values()], references) for at, each in enumerate(measured)}
    count = sum(len(track.values) for track in references)
    return Report(
        "flow: what still ranks moments as full-size Farneback does",
        [_table(keeps, alone, together_ms, f"{len(files)} files, {count} pairs"), cap, *long_run],
        [
            f"Reference: OpenCV's Farneback with the common parameters at {FULL_HEIGHT} lines or the stream's own, if fewer.",
            "Spearman's correlation: median of files / worst file / all files pooled by rank.",
            "Windows last 5 s, every 3 s; a file with fewer than twelve of them counts in the pool only.",
            f"Milliseconds per pair on 480p film, scaling not counted; with one thread, and with OpenCV's {threads}.",
            *_verdicts(keeps, alone),
        ],
        {"kept": {name: _plain(each) for name, each in keeps.items()}, "ms": alone},
    )


def _table(keeps: Mapping[str, Kept], alone: Mapping[str, list[float]], threaded: Mapping[str, list[float]], over: str) -> Table:
    rows = [
        (
            name, Spread.of(alone[name]).median, Spread.of(threaded[name]).median, ratio(alone[name], alone[OURS]),
            *(_told(grain) for grain in (each.pair, each.pane, each.window)), known(each.linear.median),
        )
        for name, each in keeps.items()
    ]  # fmt: skip
    full = REFERENCE.name
    rows.insert(0, (full, Spread.of(alone[full]).median, Spread.of(threaded[full]).median, ratio(alone[full], alone[OURS]),
                    "1", "1", "1", 1.0))  # fmt: skip
    columns = ("candidate", "ms, one thread", "ms, threads", f"ratio to {OURS}",
               "per pair", "per pane", "per window", "Pearson, per window")  # fmt: skip
    return Table(f"Correlation with full-size Farneback over {over}", columns, rows)


def _plain(keeps: Kept) -> dict[str, list[float | None]]:
    """Grain -> median of files, worst file, pooled."""
    grains = {"pair": keeps.pair, "pane": keeps.pane, "window": keeps.window, "linear": keeps.linear}
    return {grain: [known(value) for value in found] for grain, found in grains.items()}


def _told(found: Agreement) -> str | None:
    return None if math.isnan(found.median) else " / ".join(f"{value:.3f}" for value in found)


def _cap() -> Table:
    """Does the cap change what the reference says?"""
    name, seconds = UNCAPPED
    uncapped = tracks(MEDIA / name, seconds, [Candidate("uncapped", 10_000, farneback())])
    keeps = kept([reference(MEDIA / name, seconds)], uncapped)
    return Table(
        f"The reference's cap of {FULL_HEIGHT} lines against the stream's own 720 on {name}",
        ("per pair", "per pane"),
        [(known(keeps.pair.median), known(keeps.pane.median))],
    )


def _verdicts(keeps: Mapping[str, Kept], alone: Mapping[str, list[float]]) -> list[str]:
    """The cheapest that reach what is asked for, by how it is read."""
    readings: dict[str, Callable[[Kept], float]] = {
        "median and pool per pair, pane and window": lambda k: min(*_both(k.pair), *_both(k.pane), *_both(k.window)),
        "every file per window": lambda k: k.window.worst,
        "every file per pane": lambda k: k.pane.worst,
    }
    said = []
    for reading, value in readings.items():
        reach = [name for name, each in keeps.items() if value(each) >= REACH]
        cheapest = min(reach, key=lambda name: Spread.of(alone[name]).median, default="none")
        said.append(f"Cheapest with {REACH} in {reading}: {cheapest}.")
    return said


def _both(found: Agreement) -> tuple[float, float]:
    return found.median, found.pooled
