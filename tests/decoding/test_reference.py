"""What others are to be like: a picture, or some frames of a clip, as panes have them."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from stream_processor.decoding.reference import MOST, read_reference
from stream_processor.errors import SourceUnusable


def picture(path: Path, *, height: int = 90, width: int = 160) -> Path:
    shades = np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))
    assert cv2.imwrite(str(path), np.dstack([shades, shades // 2, 255 - shades]))
    return path


@pytest.mark.parametrize("name", ["one.png", "one.jpg", "one.webp", "one.bmp"])
def test_a_picture_is_one_frame_never_enlarged(tmp_path: Path, name: str) -> None:
    pane = read_reference(picture(tmp_path / name), height=180, picture_size=32)
    assert pane.frames is not None
    assert pane.pictures is not None
    assert pane.frames.planes.shape == (1, 88 * 3 // 2, 156)
    assert pane.pictures.rgb.shape == (1, 32, 57, 3)
    red, _, blue = pane.pictures.rgb[0, :, :8].mean(axis=(0, 1))
    assert (red > 200, blue < 50) == (True, True)


def test_without_a_picture_size_there_are_frames_alone(tmp_path: Path) -> None:
    assert read_reference(picture(tmp_path / "one.png"), height=180, picture_size=None).pictures is None


def test_a_clip_is_a_frame_a_second_and_half_a_minute_at_most(media: Callable[[str], Path]) -> None:
    short = read_reference(media("walking_crowd_14s.mp4"), height=180, picture_size=None)
    long = read_reference(media("sintel_trailer_480p.mp4"), height=180, picture_size=None)
    assert short.frames is not None
    assert long.frames is not None
    assert len(short.frames.times) == 14
    assert len(long.frames.times) == MOST
    assert long.frames.height == 180


def test_a_file_that_shows_nothing_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.txt").write_text("words, words, words\n" * 50)
    (tmp_path / "torn.jpg").write_bytes(picture(tmp_path / "whole.jpg").read_bytes()[:40])
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(1).bytes(5000))
    for name in ("empty.png", "text.txt", "torn.jpg", "noise.mp4", "nowhere.png", "."):
        with pytest.raises(SourceUnusable, match="name an image or a video") as raised:
            read_reference(tmp_path / name, height=180, picture_size=None)
        assert str(raised.value).startswith(f"--like {tmp_path / name}: ")
        assert "\n" not in str(raised.value)


def test_sound_alone_is_no_picture(media: Callable[[str], Path]) -> None:
    with pytest.raises(SourceUnusable, match="there is no picture in it"):
        read_reference(media("silero_test_speech.wav"), height=180, picture_size=None)


def test_a_picture_far_too_large_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    with pytest.raises(SourceUnusable, match="a picture of 160x90 cannot be taken"):
        read_reference(picture(tmp_path / "one.png"), height=180, picture_size=None, max_megapixels=0.01)


def test_odd_files_are_read_or_refused_and_never_crash(media: Callable[[str], Path]) -> None:
    said = []
    for path in sorted(media("odd").iterdir()):
        try:
            pane = read_reference(path, height=180, picture_size=32)
        except SourceUnusable as error:
            said.append(str(error))
        else:
            assert pane.frames is not None
            assert len(pane.frames.times)
    assert not any("\n" in line for line in said)
