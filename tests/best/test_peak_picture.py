"""Turned and mirrored as display matrices say.

stored   1 2        quarter turn clockwise   3 1
         3 4                                 4 2
"""

import numpy as np
import pytest

from stream_processor.best.peak_picture import upright

ONE = 1 << 16
STORED = np.array([[1, 2], [3, 4]], np.uint8)


@pytest.mark.parametrize(
    ("a", "b", "c", "d", "seen"),
    [
        (ONE, 0, 0, ONE, [[1, 2], [3, 4]]),
        (0, ONE, -ONE, 0, [[3, 1], [4, 2]]),
        (-ONE, 0, 0, -ONE, [[4, 3], [2, 1]]),
        (0, -ONE, ONE, 0, [[2, 4], [1, 3]]),
        (-ONE, 0, 0, ONE, [[2, 1], [4, 3]]),
        (0, ONE, ONE, 0, [[1, 3], [2, 4]]),
    ],
)
def test_upright(a: int, b: int, c: int, d: int, seen: list[list[int]]) -> None:
    matrix = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], np.int32)
    pixels = np.repeat(STORED[:, :, None], 3, axis=2)
    assert upright(pixels, matrix)[:, :, 0].tolist() == seen


def test_without_a_matrix_it_stays_as_it_is() -> None:
    pixels = np.zeros((2, 3, 3), np.uint8)
    assert upright(pixels, None) is pixels
