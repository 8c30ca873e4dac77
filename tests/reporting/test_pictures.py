"""Pictures in the page itself: small, and not too many."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from stream_processor.reporting.pictures import data_uri, data_uris


def picture(path: Path, width: int = 1920, height: int = 1080) -> Path:
    noise = np.random.default_rng(1).integers(0, 255, (height // 40, width // 40, 3), np.uint8)
    cv2.imwrite(str(path), cv2.resize(noise, (width, height)))
    return path


def test_a_picture_is_made_small(tmp_path: Path) -> None:
    uri = data_uri(picture(tmp_path / "a.jpg"))
    assert uri is not None
    assert uri.startswith("data:image/jpeg;base64,")
    assert len(uri) < 60_000


def test_what_is_no_picture_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "torn.jpg").write_bytes(b"no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    good = picture(tmp_path / "good.jpg")
    assert list(data_uris([tmp_path / "gone.jpg", tmp_path / "torn.jpg", tmp_path / "empty.jpg", good])) == [good]


@pytest.mark.parametrize("fit", [0, 1, 2, 3])
def test_the_first_ones_are_taken_while_there_is_room(fit: int, tmp_path: Path) -> None:
    paths = [picture(tmp_path / f"{n}.jpg") for n in range(3)]
    size = len(data_uri(paths[0]) or "")
    assert list(data_uris(paths, most_bytes=fit * size)) == paths[:fit]
