"""How far a frame's descriptor is from the one of a second ago: what every form of novelty shares. Pure."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stream_processor.records import Samples

BACK_SECONDS = 1.0
TOLERANCE_SECONDS = 0.5
"""A frame is compared with the one nearest to a second before it, and with none if that is further off than this."""

MAX_KEPT = 128
"""Descriptors kept at most: enough for 1.5 s at 60 sampled frames a second. The oldest goes first."""

Vector = npt.NDArray[np.floating]


class Seen(NamedTuple):
    seconds: float
    vector: Vector


@dataclass
class Recent:
    """The descriptors of the last second and a half, oldest first, each of unit length."""

    seen: deque[Seen] = field(default_factory=lambda: deque(maxlen=MAX_KEPT))


def deltas(recent: Recent, times: Sequence[float], vectors: Sequence[Vector]) -> Samples:
    """1 − cos between each frame's unit vector and the one nearest one second before it: 0 the same, 1 unrelated.

    ``times`` in epoch seconds, rising; ``recent`` is brought up to date. A frame with nothing to compare has no sample. The
    samples carry their frames' vectors.
    """
    at, values, kept = [], [], []
    for seconds, vector in zip(times, vectors, strict=True):
        before = _nearest(recent.seen, seconds - BACK_SECONDS)
        if before is not None:
            at.append(seconds)
            values.append(max(0.0, 1.0 - float((before.vector * vector).sum(dtype=np.float64))))
            kept.append(vector)
        recent.seen.append(Seen(seconds, vector))
        while recent.seen[0].seconds < seconds - BACK_SECONDS - TOLERANCE_SECONDS:
            recent.seen.popleft()
    return Samples(np.array(at), np.array(values), np.array(kept, np.float32) if kept else None)


def _nearest(seen: deque[Seen], wanted: float) -> Seen | None:
    """Of two equally near ones the older: rounding of the times must not decide."""
    best, best_distance = None, TOLERANCE_SECONDS
    for candidate in seen:
        distance = abs(candidate.seconds - wanted)
        if distance < best_distance - 1e-6:
            best, best_distance = candidate, distance
    return best
