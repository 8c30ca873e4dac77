"""Scorers that are functions of what a frame looks like: one description of each frame serves all of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from scorers.shared_embedding import Describer
from stream_processor.contracts import Memory
from stream_processor.records import Pane, Samples

Vectors = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_ROWS_AT_ONCE = 1024
"""Looks of a long recording lie in a file: no more of them than that are held in memory, and in 64 bits, at a time."""


class Head(Protocol):
    """A number for each look: float32 (n, d), each of length one, to float64 (n,). Each row by itself. Thread-safe."""

    def __call__(self, looks: Vectors, /) -> Floats: ...


@dataclass(frozen=True)
class Linear:
    """looks · ``weights`` + ``bias``: ``weights`` float64 (d,)."""

    weights: Floats
    bias: float = 0.0

    def __call__(self, looks: Vectors, /) -> Floats:
        # Not a product of matrices: its last bits depend on how many rows there are.
        return _by_rows(looks, lambda rows: (rows * self.weights).sum(axis=1) + self.bias)


@dataclass(frozen=True)
class Nearest:
    """Cosine with whichever of ``templates``, float64 (m, d), each of length one, is nearest: 1 the same, 0 unrelated."""

    templates: Floats

    def __call__(self, looks: Vectors, /) -> Floats:
        return _by_rows(looks, lambda rows: np.max([(rows * one).sum(axis=1) for one in self.templates], axis=0))


class HeadScorer:
    """A head, on the descriptions that it shares with others. The unit is the head's."""

    keeps = "samples"

    def __init__(self, signal: str, describer: Describer, head: Head) -> None:
        self.signal = signal
        self._describer = describer
        self._head = head

    def start(self) -> Memory:
        return None

    def score(self, batch: Sequence[tuple[Memory, Pane]]) -> list[Samples]:
        described = self._describer.describe([pane for _, pane in batch])
        return [Samples.none() if one is None else Samples(one[0], self._head(one[1])) for one in described]


def _by_rows(looks: Vectors, value: Callable[[Floats], Floats]) -> Floats:
    values = np.empty(len(looks))
    for start in range(0, len(looks), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        values[part] = value(looks[part].astype(np.float64))
    return values
