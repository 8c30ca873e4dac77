"""Variance of the Laplacian, against the textbook's way of computing it."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.sharpness import Sharpness, laplacian_variance
from tests.scorers.scenes import Scene, black
from tests.scorers.test_contract import score_one_by_one


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_it_is_what_the_textbook_computes_in_floats(height: int, width: int, seed: int) -> None:
    image = np.random.default_rng(seed).choice(np.array([0, 255, 100, 101], np.uint8), (height, width))
    assert laplacian_variance(image) == pytest.approx(cv2.Laplacian(image, cv2.CV_64F).var(), rel=1e-9, abs=1e-9)


def test_one_bright_dot_counted_by_hand() -> None:
    #  0  1  0
    #  1 -4  1   times 10, the rest of 100 pixels is 0: the mean is 0, the mean square (4 + 16) · 100 / 100
    #  0  1  0
    image = np.zeros((10, 10), np.uint8)
    image[5, 5] = 10
    assert laplacian_variance(image) == pytest.approx(20.0)


def test_the_softer_the_picture_the_less() -> None:
    image = np.random.default_rng(1).integers(0, 256, (180, 320), dtype=np.uint8)
    softer = [image, *(cv2.GaussianBlur(image, (0, 0), sigma) for sigma in (0.5, 1, 2, 4))]
    values = [laplacian_variance(one) for one in softer]
    assert values == sorted(values, reverse=True)
    assert values[0] > 10 * values[2]


def test_black_is_not_sharp() -> None:
    assert score_one_by_one(Sharpness(), black()).values.max() == 0


def test_every_frame_has_a_value_from_its_luma_alone() -> None:
    (pane,) = Scene().panes()
    assert pane.frames is not None
    samples = score_one_by_one(Sharpness(), [pane])
    np.testing.assert_array_equal(samples.times, pane.frames.times)
    pane.frames.planes[:, pane.frames.height :] = 0
    np.testing.assert_array_equal(score_one_by_one(Sharpness(), [pane]).values, samples.values)
