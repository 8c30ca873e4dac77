"""How much moves between two pictures, by several methods at several sizes, and how well one keeps what another says."""

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.agreement import Agreement, Track, agreement, panes, pearson, together, windows
from benchmarks.paired import alternate, within
from benchmarks.sampled import FPS, Image, luma, sampled
from scorers.flow import Parameters

COMMON = Parameters(levels=3, winsize=15, iterations=3, poly_n=5, poly_sigma=1.2)
"""As OpenCV's documentation has them, whatever the project takes now: what is compared with must not move."""
FULL_HEIGHT = 480
"""Cap on "full size": the reference costs 137 ms a pair at 854×480 and seven times that at 1080p."""


class Candidate(NamedTuple):
    """``measure`` gives the mean magnitude of the movement between two luma pictures, in pixels (of brightness: in steps)."""

    name: str
    height: int
    measure: Callable[[Image, Image], float]


def farneback(parameters: Parameters = COMMON) -> Callable[[Image, Image], float]:
    levels, winsize, iterations, poly_n, poly_sigma = parameters

    def measure(before: Image, after: Image) -> float:
        field = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, levels, winsize, iterations, poly_n, poly_sigma, 0)
        return _mean_length(field)

    return measure


def dis(preset: int) -> Callable[[Image, Image], float]:
    """T. Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016."""
    flow = cv2.DISOpticalFlow_create(preset)
    return lambda before, after: _mean_length(flow.calc(before, after, None))


def difference(before: Image, after: Image) -> float:
    return float(cv2.absdiff(before, after).mean())


def _mean_length(field: np.ndarray) -> float:
    across, down = field[..., 0], field[..., 1]
    return float(np.sqrt(across * across + down * down).mean(dtype=np.float64))


REFERENCE = Candidate("Farneback, full size", FULL_HEIGHT, farneback())


# ---- measuring -------------------------------------------------------------------------------------------------------


def scaled(picture: Image, height: int) -> Image:
    """To this height, never enlarged, by averaging; a copy either way: the decoder's own memory is used again."""
    full, wide = picture.shape
    if height >= full:
        return picture.copy()
    return cv2.resize(picture, (max(round(wide * height / full / 2) * 2, 2), height), interpolation=cv2.INTER_AREA)


def tracks(path: Path, seconds: float, measured: Sequence[Candidate]) -> list[Track]:
    """For each candidate how each pair of sampled pictures moves, in frame heights per second, at the time of the second one."""
    heights = {candidate.height for candidate in measured}
    times: list[float] = []
    rows: list[list[float]] = []
    before: dict[int, Image] = {}
    last = 0.0
    for moment, frame in sampled(path, at_most_seconds=seconds):
        picture = luma(frame)
        now = {height: scaled(picture, height) for height in heights}
        if before:
            moved = [each.measure(before[each.height], now[each.height]) / len(now[each.height]) for each in measured]
            times.append(moment)
            rows.append([heights_moved / (moment - last) for heights_moved in moved])
        before, last = now, moment
    values = np.array(rows).reshape(len(rows), len(measured))
    return [Track(np.array(times), values[:, column]) for column in range(len(measured))]


@functools.cache
def reference(path: Path, seconds: float) -> Track:
    """What full-size Farneback says. Dear, so it is kept as long as the process lives: other benchmarks want it too."""
    return tracks(path, seconds, [REFERENCE])[0]


@dataclass(frozen=True)
class Kept:
    """How well a candidate keeps what the reference says, at three grains; ``linear`` is Pearson's correlation per window."""

    pair: Agreement
    pane: Agreement
    window: Agreement
    linear: Agreement


def kept(found: Sequence[Track], reference: Sequence[Track]) -> Kept:
    """One track per file in both."""
    grains = [
        [together(grain(a), grain(b)) for a, b in zip(found, reference, strict=True)] for grain in (lambda t: t, panes, windows)
    ]
    return Kept(*(agreement(grain) for grain in grains), linear=agreement(grains[2], pearson))


def pairs(path: Path, seconds: float, count: int) -> list[tuple[Image, Image]]:
    """So many pairs of consecutive sampled pictures, spread evenly, at the stream's own size."""
    pictures = itertools.pairwise(luma(frame).copy() for _, frame in sampled(path, at_most_seconds=seconds))
    every = max(int(seconds * FPS) // count, 1)
    return list(itertools.islice(pictures, 0, every * count, every))


def milliseconds(measured: Sequence[Candidate], material: Sequence[tuple[Image, Image]], rounds: int) -> dict[str, list[float]]:
    """Wall milliseconds per pair in each round, scaling not counted; candidates take turns."""

    def work(candidate: Candidate) -> Callable[[], float]:
        small = [(scaled(before, candidate.height), scaled(after, candidate.height)) for before, after in material]

        def run() -> float:
            return within(lambda: [candidate.measure(*pair) for pair in small]).wall_seconds / len(small) * 1000

        return run

    return alternate({candidate.name: work(candidate) for candidate in measured}, rounds=rounds)
