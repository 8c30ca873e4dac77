"""How alike two stretches of stream look or sound, from one vector for every so many seconds. Pure.

::

    a          . . ▂ ▅ █ ▃ . . ▇ ▂ .                each vector less the stretch's mean: what changes, not where it happens
    b                . ▂ ▅ █ ▃ . . ▇ ▂              moved to where both go together best: the same sequence of changes
                     ├─── overlap ───┤

The normalised cross-correlation that finds a template in a signal (J. P. Lewis, "Fast normalized cross-correlation", 1995), of
vectors instead of grey levels. Two fights before the same background have the mean in common and nothing else; a
replay has all of it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stream_processor.records import Samples

SHARED = 0.6
"""Part of the shorter stretch that must overlap."""
FEWEST = 3
"""Vectors with which two stretches can be compared."""
STILL = 0.03
"""Where vectors stray no further than this from their mean (root mean square), nothing changes that could be the same again."""


@dataclass(frozen=True)
class Stretch:
    """``changes`` float16 (n, d): each vector less the mean of all; zero where there was none. ``known`` bool (n,)."""

    step_seconds: float
    changes: npt.NDArray[np.float16]
    known: npt.NDArray[np.bool_]

    @property
    def dimensions(self) -> int:
        return int(self.changes.shape[1])


def stretch(samples: Samples, start_seconds: float, end_seconds: float, step_seconds: float) -> Stretch | None:
    """The vectors nearest to every ``step_seconds`` of [start, end). None: there are too few, or nothing changes."""
    if samples.vectors is None or len(samples.times) == 0 or end_seconds <= start_seconds:
        return None
    # A quarter of a step in: samples mostly lie at whole or half steps, and none must be as near to two places.
    wanted = np.arange(start_seconds + step_seconds / 4, end_seconds, step_seconds)
    after = np.clip(np.searchsorted(samples.times, wanted), 0, len(samples.times) - 1)
    before = np.maximum(after - 1, 0)
    is_before = np.abs(samples.times[before] - wanted) <= np.abs(samples.times[after] - wanted)
    nearest = np.where(is_before, before, after)
    known = np.abs(samples.times[nearest] - wanted) <= step_seconds
    if np.count_nonzero(known) < FEWEST:
        return None
    vectors = samples.vectors[nearest].astype(np.float64)
    changes = np.where(known[:, None], vectors - vectors[known].mean(axis=0), 0.0)
    if np.square(changes[known]).sum(axis=1).mean() < STILL**2:
        return None
    return Stretch(step_seconds, changes.astype(np.float16), known)


def likeness(a: Stretch, b: Stretch) -> float | None:
    """From -1 to 1, 1 the same sequence of changes; 0 where they have nothing in common. None: measured by different kinds."""
    if a.dimensions != b.dimensions or a.step_seconds != b.step_seconds:
        return None
    ours, theirs = _Rows(a), _Rows(b)
    products = ours.rows @ theirs.rows.T
    n, m = len(ours.rows), len(theirs.rows)
    least = max(int(np.ceil(SHARED * min(n, m))), 1)
    best = -1.0
    for moved in range(least - m, n - least + 1):
        at = np.arange(max(0, moved), min(n, m + moved))
        both = at[a.known[at] & b.known[at - moved]]
        if len(both) < FEWEST:
            continue
        our_mean, our_spread = ours.mean_and_spread(both)
        their_mean, their_spread = theirs.mean_and_spread(both - moved)
        if min(our_spread, their_spread) > len(both) * STILL**2:
            together = float(products[both, both - moved].sum()) - len(both) * float(our_mean @ their_mean)
            best = max(best, together / (our_spread * their_spread) ** 0.5)
    return min(best, 1.0)


class _Rows:
    """A stretch's changes with their running sums, so that the mean over any overlap costs next to nothing."""

    def __init__(self, of: Stretch) -> None:
        self.rows = of.changes.astype(np.float64)
        self._sums = np.concatenate([np.zeros((1, self.rows.shape[1])), np.cumsum(self.rows, axis=0)])
        self._squares = np.square(self.rows).sum(axis=1)

    def mean_and_spread(self, at: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float64], float]:
        """Of the rows ``at`` these places, rising: their mean, and the sum of squares around it."""
        is_run = at[-1] - at[0] + 1 == len(at)
        total = self._sums[at[-1] + 1] - self._sums[at[0]] if is_run else self.rows[at].sum(axis=0)
        mean = total / len(at)
        return mean, float(self._squares[at].sum()) - len(at) * float(mean @ mean)
