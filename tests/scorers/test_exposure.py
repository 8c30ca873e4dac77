"""The share of blown and crushed pixels, counted in full range by definition and in limited range by the scorer."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from scorers.exposure import LIMITED_BLOWN, LIMITED_CRUSHED, Exposure, lost_share
from stream_processor.decoding.reference import read_reference
from tests.scorers.scenes import Scene, black
from tests.scorers.test_contract import score_one_by_one


def test_the_bounds_are_those_of_full_range_for_every_value() -> None:
    for limited in range(256):
        full = round(Fraction((limited - 16) * 255, 219))
        assert (limited >= LIMITED_BLOWN) == (full >= 250), limited
        assert (limited <= LIMITED_CRUSHED) == (full <= 5), limited


def test_a_gradient_loses_its_two_ends() -> None:
    """Each value once, from 0 to 255: 21 are crushed (0 to 20), 25 blown (231 to 255)."""
    assert lost_share(np.arange(256, dtype=np.uint8).reshape(16, 16)) == pytest.approx(46 / 256)


def test_black_is_all_lost_and_a_soft_scene_hardly() -> None:
    assert set(score_one_by_one(Exposure(), black()).values) == {1.0}
    assert score_one_by_one(Exposure(), Scene().panes()).values.max() < 0.05


@pytest.mark.parametrize(("name", "share"), [("media3_black_363s_1080p.mp4", 1.0), ("walking_crowd_14s.mp4", 0.0)])
def test_real_black_is_lost_and_a_real_square_in_daylight_is_not(media: Callable[[str], Path], name: str, share: float) -> None:
    pane = read_reference(media(name), height=180, picture_size=None)
    assert score_one_by_one(Exposure(), [pane]).values == pytest.approx(share, abs=0.1)


def film(path: Path, full_luma: int, *, full_range: bool) -> Path:
    """A second of one shade, of full-range luma 0 to 255, stored in either range and tagged so."""
    luma = full_luma if full_range else round(16 + full_luma * 219 / 255)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg" if full_range else "mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuvj420p" if full_range else "yuv420p"
        for _ in range(5):
            planes = np.full((54, 64), 128, np.uint8)
            planes[:36] = luma
            container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format=stream.pix_fmt)))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(("full_luma", "share"), [(0, 1.0), (12, 0.0), (128, 0.0), (243, 0.0), (255, 1.0)])
@pytest.mark.parametrize("full_range", [False, True], ids=["limited", "full"])
def test_the_recording_s_own_range_makes_no_difference(tmp_path: Path, full_luma: int, share: float, full_range: bool) -> None:
    path = film(tmp_path / "film.mkv", full_luma, full_range=full_range)
    pane = read_reference(path, height=36, picture_size=None)
    assert set(score_one_by_one(Exposure(), [pane]).values) == {share}
