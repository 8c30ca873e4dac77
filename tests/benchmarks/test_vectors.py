"""The codec's vectors added up."""

import numpy as np
import pytest

from benchmarks.vectors import mean_displacement

FIELDS = [(name, np.int32) for name in ("source", "w", "h", "motion_x", "motion_y", "motion_scale")]


def blocks(*rows: tuple[int, ...]) -> np.ndarray:
    return np.array(list(rows), FIELDS)


def test_a_block_counts_by_its_area() -> None:
    # Half of a 32×16 picture moves by (3, 4) quarter pixels, the other half stands still.
    found = blocks((-1, 16, 16, 3, 4, 4), (-1, 16, 16, 0, 0, 4))
    assert mean_displacement(found, 32, 16) == pytest.approx(5 / 4 / 2)


def test_a_vector_from_the_future_counts_as_still() -> None:
    assert mean_displacement(blocks((1, 16, 16, 40, 0, 4)), 16, 16) == 0
