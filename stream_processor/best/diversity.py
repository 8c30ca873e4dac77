"""Which moments look too much like one that is taken already. Pure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Likeness:
    """The nearest of those taken before: its place among them and its cosine distance (0 the same, 1 unrelated)."""

    place: int
    distance: float


def choose(
    looks: npt.NDArray[np.float32], k: int, *, min_distance: float, max_similar: int
) -> tuple[list[int], dict[int, Likeness]]:
    """Greedy: of ``looks`` float32 (m, d), each of length one, best first, the rows taken and those too like one of them.

    A row is taken unless ``max_similar`` rows that were taken lie nearer than ``min_distance``. What is in neither came after
    ``k`` had been taken.
    """
    taken: list[int] = []
    alike: dict[int, Likeness] = {}
    for row in range(len(looks)):
        if len(taken) == k:
            break
        distances = np.maximum(1.0 - looks[taken].astype(np.float64) @ looks[row].astype(np.float64), 0.0)  # but for rounding
        if int((distances < min_distance).sum()) >= max_similar:
            nearest = int(np.argmin(distances))
            alike[row] = Likeness(nearest, float(distances[nearest]))
        else:
            taken.append(row)
    return taken, alike


def similarity(looks: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Cosine similarity of each with each, float64 (m, m)."""
    exact = looks.astype(np.float64)
    result: npt.NDArray[np.float64] = np.clip(exact @ exact.T, -1.0, 1.0)
    np.fill_diagonal(result, 1.0)
    return result
