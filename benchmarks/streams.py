"""Streams with planted highlights, at the level of pane scores: real material varied, and synthetic. All are seeded."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.measure import Interval
from benchmarks.panescores import pane_scores
from stream_processor.records import PaneScore, Sum

MEDIA = Path(__file__).parents[2] / "shared" / "media"
CALM_FILES = (
    "bbb_0_30_720p.webm",
    "media3_rooftop_17s.mp4",
    "walking_crowd_14s.mp4",
    "intel_one_by_one_139s.mp4",
    "intel_car_detection_30s.mp4",
    "gameplay_minecraft_5s.mp4",
)
MARGIN_SECONDS = 5
"""What lies so close to a planted interval is neither calm nor highlight."""
FRAMES, BLOCKS = 5, 94
"""Samples in a pane of one second: sampled frames, and RMS frames at 48 kHz."""

Piece = Sequence[Mapping[str, Sum]]
"""Panes of one second: their signals."""


class Stream(NamedTuple):
    panes: Sequence[PaneScore]
    planted: Sequence[Interval]


def real(name: str) -> Sequence[PaneScore]:
    return pane_scores(MEDIA / name)


def planted_dev() -> Stream:
    truth = json.loads((MEDIA / "planted_dev.truth.json").read_text())["highlights"]
    return Stream(real("planted_dev.mp4"), [(each["start_time"], each["end_time"]) for each in truth])


def calm_pieces() -> list[Piece]:
    """planted_dev.mp4 outside its highlights, and whole calm files (each but its last, broken pane)."""
    panes, planted = planted_dev()
    between = [0, *(int(edge) for a, b in planted for edge in (a - MARGIN_SECONDS, b + MARGIN_SECONDS)), len(panes) - 1]
    calm = [panes[start:end] for start, end in zip(between[::2], between[1::2], strict=True)]
    return [_signals(piece) for piece in [*calm, *(real(name)[:-1] for name in CALM_FILES)]]


def varied(seed: int) -> Stream:
    """Planted highlights and one film scene among calm pieces, all in random order and at varied levels, with seams."""
    rng = random.Random(seed)
    panes, planted = planted_dev()
    lively = [_signals(panes[int(start) : int(end)]) for start, end in planted]
    lively.append(_signals(real("sintel_trailer_480p.mp4")[20:34]))
    calm = _cut(calm_pieces(), 15, 50, rng)
    rng.shuffle(calm)
    rng.shuffle(lively)
    parts: list[Piece] = []
    truth: list[Interval] = []
    for highlight in lively[: rng.randint(3, len(lively))]:
        wait = rng.randint(45, 100) + sum(map(len, parts))
        while sum(map(len, parts)) < wait:
            parts.append(_seam(_louder(calm.pop(), 0.1, rng), rng))
        start = sum(map(len, parts))
        parts.append(_seam(highlight, rng))
        truth.append((float(start), float(start + len(highlight))))
    return Stream(_joined([*parts, *calm[:2]]), truth)


def calm_hour(seed: int, kind: str) -> Stream:
    """``cut``: pieces of 20 to 60 s in random order; ``whole``: whole pieces; ``one``: a single piece, over and over."""
    rng = random.Random(seed)
    pieces = calm_pieces()
    if kind == "cut":
        pieces = _cut(pieces, 20, 60, rng)
    if kind == "one":
        pieces = [rng.choice(pieces)]
    parts: list[Piece] = []
    while sum(map(len, parts)) < 3600:
        rng.shuffle(pieces)
        parts += [_seam(_louder(piece, 0.25, rng), rng) for piece in pieces]
    return Stream(_joined(parts)[:3600], [])


SYNTHETIC = ("noise", "drift", "regime", "gaps", "sparse")


def synthetic(seed: int, kind: str) -> Stream:
    """20 minutes (``sparse``: an hour) of slowly varying noise with two to eight bursts of 8 to 20 s in two or three signals.

    ``drift``: levels rise fourfold; ``regime``: from some moment on everything is four times as lively; ``gaps``: signals are
    missing for up to half a minute; ``sparse``: three bursts in the hour.
    """
    rng = np.random.default_rng([seed, SYNTHETIC.index(kind)])
    seconds = 3600 if kind == "sparse" else 1200
    levels = {
        signal: level * np.exp(_slow_noise(rng, seconds, 0.35))
        for signal, level in (("motion", 0.03), ("novelty", 0.015), ("loudness", 0.05))
    }
    if kind == "drift":
        levels = {signal: level * np.linspace(1, 4, seconds) for signal, level in levels.items()}
    if kind == "regime":
        change = int(rng.integers(300, 900))
        levels = {signal: np.concatenate([level[:change], 4 * level[change:]]) for signal, level in levels.items()}
    count = 3 if kind == "sparse" else int(rng.integers(2, 9))
    truth: list[Interval] = []
    for slot in range(count):
        start = int(slot * seconds / count + rng.integers(70, seconds // count - 30))
        end = start + int(rng.integers(8, 21))
        for signal in rng.permutation(list(levels))[: int(rng.integers(2, 4))]:
            levels[signal][start:end] *= rng.uniform(4, 8)
        truth.append((float(start), float(end)))
    counts = {"motion": FRAMES, "novelty": FRAMES, "loudness": BLOCKS}
    rows = [{signal: Sum(level[n] * counts[signal], counts[signal]) for signal, level in levels.items()} for n in range(seconds)]
    if kind == "gaps":
        for _ in range(10):
            start, signal = int(rng.integers(0, seconds)), str(rng.choice(list(levels)))
            for row in rows[start : start + int(rng.integers(2, 30))]:
                row.pop(signal, None)
    return Stream(_joined([rows]), truth)


def flat(level: float, seconds: int = 1800) -> Stream:
    """Black and silence (level 0), or a test picture and a steady tone with the noise of a codec."""
    rng = np.random.default_rng(1)
    rows = [{signal: Sum(level * FRAMES * rng.uniform(0.98, 1.02), FRAMES) for signal in ("motion", "novelty", "loudness")}]
    return Stream(_joined([rows * seconds]), [])


def _slow_noise(rng: np.random.Generator, seconds: int, spread: float) -> np.ndarray:
    """float64 (seconds,): first-order autoregressive, correlated over some five seconds."""
    steps = rng.normal(0, spread, seconds)
    noise = np.empty(seconds)
    noise[0] = steps[0]
    for at in range(1, seconds):
        noise[at] = 0.8 * noise[at - 1] + 0.6 * steps[at]
    return noise


def _signals(panes: Sequence[PaneScore]) -> Piece:
    return [pane.signals for pane in panes]


def _cut(pieces: Sequence[Piece], shortest: int, longest: int, rng: random.Random) -> list[Piece]:
    def parts(piece: Piece) -> Iterator[Piece]:
        start = 0
        while start < len(piece):
            end = start + rng.randint(shortest, longest)
            yield piece[start:end]
            start = end

    return [part for piece in pieces for part in parts(piece) if len(part) >= 4]


def _louder(piece: Piece, spread: float, rng: random.Random) -> Piece:
    """Each signal of the piece times a factor of its own; loudness varies twice as much."""
    gains = {"motion": rng.gauss(0, spread), "novelty": rng.gauss(0, spread), "loudness": rng.gauss(0, 2 * spread)}
    factors = {signal: float(np.exp(gain)) for signal, gain in gains.items()}
    return [{name: Sum(part.total * factors.get(name, 1.0), part.count) for name, part in row.items()} for row in piece]


def _seam(piece: Piece, rng: random.Random) -> Piece:
    """What a cut to other material does to the first pane: all of its novelty, and one pair of its frames."""
    first = dict(piece[0])
    if "novelty" in first:
        first["novelty"] = Sum(first["novelty"].count * rng.uniform(0.1, 0.3), first["novelty"].count)
    if "motion" in first:
        first["motion"] = Sum(first["motion"].total + rng.uniform(0.05, 0.3), first["motion"].count)
    return [first, *piece[1:]]


def _joined(parts: Sequence[Piece]) -> list[PaneScore]:
    rows = [row for part in parts for row in part]
    return [PaneScore(0, n, float(n), 1.0, row, is_last=n == len(rows) - 1) for n, row in enumerate(rows)]
