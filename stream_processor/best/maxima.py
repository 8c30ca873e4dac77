"""Where the smoothed score has its peaks, and which of them stand far enough apart. Pure."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stream_processor.best.records import Float64s

_STEPS = 1e9
"""Scores are compared in steps of a billionth: what differs by less differs by rounding alone."""


def local_maxima(scores: Float64s) -> npt.NDArray[np.int64]:
    """Indices, rising, of the local maxima: the middle of a plateau, and an end that nothing beside it exceeds.

    ::

        ▁▂▅▂▁▃███▃▁▁▆      2, 7, 12
    """
    n = len(scores)
    if n == 0:
        return np.empty(0, np.int64)
    steps = np.round(scores * _STEPS)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(steps)) + 1])  # of runs of equal scores
    stops = np.concatenate([starts[1:], [n]])
    levels = steps[starts]
    rises = np.concatenate([[True], levels[1:] > levels[:-1]])
    falls = np.concatenate([levels[:-1] > levels[1:], [True]])
    tops = np.flatnonzero(rises & falls)
    middles: npt.NDArray[np.int64] = (starts[tops] + stops[tops] - 1) // 2
    return middles


def separated(times: Float64s, scores: Float64s, seconds: float) -> tuple[list[int], list[int]]:
    """Of peaks in the order of their times: places of those taken, best first, and of those nearer than ``seconds`` to a better.

    Greedy by score; of equals the earlier one.
    """
    taken: list[int] = []
    near: list[int] = []
    blocked = np.zeros(len(times), bool)
    for place in best_first(scores):
        if blocked[place]:
            near.append(place)
            continue
        taken.append(place)
        first = np.searchsorted(times, times[place] - seconds, "right")
        stop = np.searchsorted(times, times[place] + seconds, "left")
        blocked[first:stop] = True
    return taken, near


def best_first(scores: Float64s | Sequence[float]) -> list[int]:
    """Places by falling score; equals in their order."""
    order: list[int] = np.argsort(-np.round(np.asarray(scores, np.float64) * _STEPS), kind="stable").tolist()
    return order
