"""Frames scaled down once for all who want them small."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.smaller import Smaller, scaled, smaller
from stream_processor.records import Frames
from tests.scorers.scenes import Scene


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_a_whole_ratio_gives_the_average_of_each_block(factor: int, rows: int, columns: int, seed: int) -> None:
    height, width = 4 * rows, 2 * columns
    planes = np.random.default_rng(seed).integers(0, 256, (1, height * factor * 3 // 2, width * factor), dtype=np.uint8)
    small = scaled(planes, height, width)
    assert small.shape == (1, height * 3 // 2, width)
    blocks = planes[0, : height * factor].reshape(height, factor, width, factor).mean(axis=(1, 3))
    np.testing.assert_allclose(small[0, :height], blocks, atol=0.5)


def test_each_plane_stays_in_its_place() -> None:
    planes = np.empty((2, 720 * 3 // 2, 1280), np.uint8)
    planes[:, :720], planes[:, 720:900], planes[:, 900:] = 10, 20, 30
    small = scaled(planes, 180, 320)
    assert [set(part.ravel()) for part in (small[:, :180], small[:, 180:225], small[:, 225:])] == [{10}, {20}, {30}]


@pytest.mark.parametrize(("height", "width", "expected"), [(720, 1280, 320), (720, 960, 240), (1080, 608, 102), (184, 320, 314)])
def test_the_shape_of_the_picture_is_kept_and_its_width_even(height: int, width: int, expected: int) -> None:
    small = smaller(Frames(np.zeros(1), np.zeros((1, height * 3 // 2, width), np.uint8)), 180)
    assert (small.height, small.planes.shape[2]) == (180, expected)


def test_a_pane_is_scaled_once_and_its_neighbours_do_not_push_it_out() -> None:
    frames, panes = Smaller(20), Scene().panes([1, 2, 3])
    first = [frames.pane(pane) for pane in panes]
    assert [frames.pane(pane) for pane in panes] == first
    assert all(again is once for again, once in zip((frames.pane(pane) for pane in panes), first, strict=True))


def test_other_panes_are_not_taken_for_those_before() -> None:
    frames = Smaller(20)
    brightness = []
    for value in range(0, 250, 10):  # more than are remembered
        (pane,) = Scene(seconds=0.1).panes()
        assert pane.frames is not None
        pane.frames.planes[:] = value
        small = frames.pane(pane).frames
        assert small is not None
        brightness.append(int(small.planes.mean()))
    assert brightness == list(range(0, 250, 10))


def test_small_frames_and_panes_without_any_are_left_alone() -> None:
    (pane,) = Scene(height=36).panes()
    assert Smaller(36).pane(pane) is pane
