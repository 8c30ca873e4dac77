"""Whether a picture comes back to exactly what it was, again and again: pictures that stand still, and animations that loop.

::

    seen      A B C D A B C D A B C D A B C D          each picture beside the one a whole number of turns before it
    now                               ^ D
    lag                   |←───────────|               the same lag fits for seconds: it loops (or stands still: every lag fits)

The same for every lag at once, as pitch is found in sound by average magnitude differences (M. Ross et al., "Average
magnitude difference function pitch extractor", 1974), but block by block, so that one small thing that moves (a clock, a
cursor) does not hide that all the rest stands still, and one that moves through a still scene (somebody comes) does.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from stream_processor.records import Frames

COLUMNS, ROWS = 32, 18
"""Blocks of luma; a quarter as many of each chroma plane."""
BLOCKS = COLUMNS * ROWS * 3 // 2
PER_SECOND = 5
"""Pictures looked at, at most: the first of each fifth of a second."""
SAME_LEVELS = 3
"""A block that differs by no more is the same: codec noise in a mean over a block is below it."""
ALIASING_LEVELS = 20
"""By how much more it may differ at most where it changes quickly: a loop is never sampled at the very same moments."""
SMALL_SHARE = 0.014
"""Part of the blocks that may differ: a clock, a cursor, a line of text."""
MISS_COSTS_SECONDS = 2.0
"""What a picture that fits nothing takes off the seconds for which a lag has fitted."""

BLACK_LEVEL = 40
"""Luma of the brightest block of a black picture; black itself is 16."""

Blocks = npt.NDArray[np.uint8]


class Seen(NamedTuple):
    """``back_seconds``: for how long pictures have come back, this one among them; 0: this one has not."""

    seconds: float
    back_seconds: float
    stands_still: bool
    is_black: bool


def blocks(frames: Frames) -> Iterator[Blocks]:
    """Each frame as uint8 (BLOCKS,): the means of its blocks, luma first."""
    height, width = frames.height, frames.planes.shape[2]
    for planes in frames.host.planes:
        chroma = planes[height:].reshape(2, height // 2, width // 2)
        parts = [cv2.resize(planes[:height], (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)]
        parts += [cv2.resize(plane, (COLUMNS // 2, ROWS // 2), interpolation=cv2.INTER_AREA) for plane in chroma]
        yield np.concatenate([part.ravel() for part in parts])


class Recurrence:
    """What one epoch's pictures do. ``shortest_seconds`` to ``longest_seconds`` are the lags.

    A loop that is shorter than the shortest lag is found by a multiple of its length. Memory: the blocks of the longest lag
    (0.26 MB for a minute).
    """

    def __init__(self, shortest_seconds: float, longest_seconds: float) -> None:
        self._first = max(round(shortest_seconds * PER_SECOND), 1)
        self._slots = max(round(longest_seconds * PER_SECOND), self._first) + 1
        self._blocks = np.zeros((self._slots, BLOCKS), np.uint8)
        self._known = 0
        self._cell = -1
        self._fitted = np.zeros(self._slots, np.int64)
        """Lag in cells -> for how many cells it has fitted, at most twice the shortest lag."""

    def look(self, frames: Frames) -> Iterator[Seen]:
        """What each frame is that is looked at. Where frames are missing, the one before them was still shown."""
        for seconds, picture in zip(frames.times.tolist(), blocks(frames), strict=True):
            cell = int(seconds * PER_SECOND + 1e-6)
            if cell <= self._cell:
                continue
            if self._known:
                for _ in range(min(cell - self._cell - 1, self._slots)):
                    self._step(self._blocks[self._cell % self._slots].copy())
            self._cell = cell - 1
            yield self._seen(seconds, picture)

    def _seen(self, seconds: float, picture: Blocks) -> Seen:
        fits = self._step(picture)
        back = int((self._fitted * fits)[self._first :].max(initial=0))
        is_black = int(picture[: COLUMNS * ROWS].max()) <= BLACK_LEVEL
        return Seen(seconds, back / PER_SECOND, bool(back) and bool(fits[1 : self._first].all()), is_black)

    def _step(self, picture: Blocks) -> npt.NDArray[np.bool_]:
        """Take the next cell's picture. Lag -> whether that of so many cells ago was the same."""
        before = self._blocks[self._cell % self._slots] if self._known else picture
        tolerance = SAME_LEVELS + np.minimum(_difference(picture, before), ALIASING_LEVELS)
        self._cell += 1
        reach = min(self._known, self._slots - 1)
        fits = np.zeros(self._slots, bool)
        if reach >= self._first:
            differ = _difference(self._blocks[(self._cell - np.arange(1, reach + 1)) % self._slots], picture) > tolerance
            fits[1 : reach + 1] = np.count_nonzero(differ, axis=1) <= SMALL_SHARE * BLOCKS
        missed = np.maximum(self._fitted - int(MISS_COSTS_SECONDS * PER_SECOND), 0)
        self._fitted = np.where(fits, np.minimum(self._fitted + 1, 2 * self._first), missed)
        self._blocks[self._cell % self._slots] = picture
        self._known += 1
        return fits


def _difference(a: Blocks, b: Blocks) -> Blocks:
    """|a - b| without leaving bytes."""
    difference: Blocks = np.maximum(a, b) - np.minimum(a, b)
    return difference
