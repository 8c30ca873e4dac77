"""The face detector on real pictures, and files that are no face detector."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scorers.ultraface import UltraFace
from stream_processor.decoding.reference import read_reference
from stream_processor.errors import ScorerError


@pytest.fixture(scope="module")
def detector(models: Callable[[str], Path]) -> UltraFace:
    return UltraFace(models("ultraface/version-RFB-320.onnx"))


@pytest.mark.parametrize("height", [480, 240])
def test_faces_in_a_film_are_found_where_they_are(detector: UltraFace, media: Callable[[str], Path], height: int) -> None:
    """One frame a second of the trailer: at 14 s a woman's face fills the middle; at 4 s there is a mountain, at 0 s nothing."""
    planes = read_reference(media("sintel_trailer_480p.mp4"), height=height, picture_size=None).frames
    assert planes is not None
    found = [detector.faces(one) for one in planes.planes]
    assert [len(found[second]) for second in (0, 4, 13, 14)] == [0, 0, 1, 1]
    face = found[14][0]
    assert 0.3 < face.left < 0.36 < 0.5 < face.right < 0.58
    assert 0 <= face.top < 0.2
    assert 0.7 < face.bottom < 0.8
    assert face.confidence > 0.9


def test_black_and_noise_are_no_faces(detector: UltraFace) -> None:
    black = np.full((1080, 1280), 128, np.uint8)
    black[:720] = 16
    noise = np.random.default_rng(1).integers(0, 256, (1080, 1280), dtype=np.uint8)
    assert detector.faces(black) == detector.faces(noise) == []


@pytest.mark.parametrize("content", [b"", b"\x08\x07\x12\x04test", b"no network at all" * 100])
def test_another_file_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ScorerError, match=r"faces\.model: .*model\.onnx is not UltraFace's network") as raised:
        UltraFace(path)
    assert "\n" not in str(raised.value)


def test_a_network_for_something_else_is_refused(models: Callable[[str], Path]) -> None:
    with pytest.raises(ScorerError, match="is not UltraFace's network"):
        UltraFace(models("silero_vad/silero_vad.onnx"))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ScorerError, match=r"faces\.model: .*nowhere is no file"):
        UltraFace(tmp_path / "nowhere")
