"""How well one signal ranks a stream's moments as another does: per sample, per pane of a second, per window. Pure."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
Correlation = Callable[[Floats, Floats], float]

WINDOW_SECONDS, HOP_SECONDS = 5, 3
FEWEST = 12
"""A correlation over fewer values than this says nothing about one file; such a file counts in the pool only."""


class Track(NamedTuple):
    """A signal over one file: ``seconds`` float64 (n,), rising, and ``values`` float64 (n,)."""

    seconds: Floats
    values: Floats


class Agreement(NamedTuple):
    """Of one correlation over several files. ``pooled``: each file's values as ranks between −1 and 1, all files together.

    NaN where no file has enough values.
    """

    median: float
    worst: float
    pooled: float


def spearman(a: Floats, b: Floats) -> float:
    """Rank correlation; 0 where one of the two never changes."""
    return pearson(rankdata(a), rankdata(b))


def pearson(a: Floats, b: Floats) -> float:
    """Linear correlation; 0 where one of the two never changes."""
    a, b = a - a.mean(), b - b.mean()
    length = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / length if length > 1e-12 else 0.0


def panes(track: Track) -> Track:
    """Mean of each second that has values."""
    numbers = np.floor(track.seconds).astype(np.int64)
    there = np.unique(numbers)
    return Track(there.astype(np.float64), np.array([track.values[numbers == number].mean() for number in there]))


def windows(track: Track) -> Track:
    """Mean of each whole window of 5 s every 3 s over its values, at the window's start; windows without any are left out."""
    last = int(np.floor(track.seconds[-1])) + 1 if len(track.seconds) else 0
    found: list[tuple[float, float]] = []
    for start in range(0, last - WINDOW_SECONDS + 1, HOP_SECONDS):
        inside = (track.seconds >= start) & (track.seconds < start + WINDOW_SECONDS)
        if inside.any():
            found.append((float(start), float(track.values[inside].mean())))
    starts, values = zip(*found, strict=True) if found else ((), ())
    return Track(np.array(starts, np.float64), np.array(values, np.float64))


def together(a: Track, b: Track) -> tuple[Floats, Floats]:
    """The values of both at the moments that both have."""
    _, at_a, at_b = np.intersect1d(a.seconds, b.seconds, return_indices=True)
    return a.values[at_a], b.values[at_b]


def known(value: float) -> float | None:
    """None for NaN: a table's cell with nothing to say."""
    return None if math.isnan(value) else value


def agreement(files: Sequence[tuple[Floats, Floats]], correlation: Correlation = spearman) -> Agreement:
    """``files``: for each file the values of the two signals, float64 (n,) both. Pooled by rank, whatever the correlation."""
    each = [correlation(a, b) for a, b in files if len(a) >= FEWEST]
    if not each:
        return Agreement(float("nan"), float("nan"), float("nan"))
    pool = [(_centred_ranks(a), _centred_ranks(b)) for a, b in files if len(a) >= 2]
    a, b = (np.concatenate(side) for side in zip(*pool, strict=True))
    return Agreement(float(np.median(each)), min(each), pearson(a, b))


def _centred_ranks(values: Floats) -> Floats:
    ranks: Floats = 2 * (rankdata(values) - 0.5) / len(values) - 1
    return ranks
