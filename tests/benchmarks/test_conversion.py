"""Ways to scale a decoded picture down."""

import numpy as np
import pytest
from av.video.frame import VideoFrame

from benchmarks.conversion import OURS, error, ways

SIZE = (36, 64)


@pytest.fixture
def frame() -> VideoFrame:
    """Smooth luma between 40 and 200, 256×144."""
    y, x = np.mgrid[0:144, 0:256]
    planes = np.full((216, 256), 128, np.uint8)
    planes[:144] = 120 + 80 * np.sin(x / 40) * np.cos(y / 30)
    return VideoFrame.from_ndarray(planes, format="yuv420p")


def test_every_way_gives_luma_of_the_asked_size(frame: VideoFrame) -> None:
    for name, convert in ways(SIZE).items():
        assert convert(frame).shape == SIZE, name


def test_ours_is_the_true_average_but_for_rounding(frame: VideoFrame) -> None:
    assert error(ways(SIZE)[OURS](frame), frame.to_ndarray()[:144]) < 0.6


def test_an_error_is_counted_in_steps_of_luma() -> None:
    assert error(np.full(SIZE, 103, np.uint8), np.full((144, 256), 100, np.uint8)) == pytest.approx(3)
