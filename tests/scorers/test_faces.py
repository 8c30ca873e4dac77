"""Faces in focus: what counts, on pictures made for it and on a film."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.faces import Faces, in_focus
from scorers.ultraface import Face, UltraFace
from stream_processor.decoding.reference import read_reference
from tests.scorers.test_contract import score_one_by_one

SOFT = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (180, 320), dtype=np.uint8), (0, 0), 3)


def face(width: float, left: float = 0.4, top: float = 0.3) -> Face:
    """As high as wide, in pixels."""
    return Face(left, top, left + width, top + width * 16 / 9, 0.9)


def sharp_in(*faces: Face) -> np.ndarray:
    """A soft picture with these faces in focus."""
    picture = SOFT.copy()
    noise = np.random.default_rng(2).integers(0, 256, picture.shape, dtype=np.uint8)
    for one in faces:
        box = np.s_[round(one.top * 180) : round(one.bottom * 180), round(one.left * 320) : round(one.right * 320)]
        picture[box] = noise[box]
    return picture


def test_without_faces_there_is_nothing() -> None:
    assert in_focus(SOFT, []) == 0


def test_a_half_for_five_hundredths_of_the_picture_as_sharp_as_the_rest() -> None:
    width = (0.05 * 9 / 16) ** 0.5
    picture = np.random.default_rng(1).integers(0, 256, (900, 1600), dtype=np.uint8)
    assert in_focus(picture, [face(width)]) == pytest.approx(0.5, abs=0.01)


def test_larger_sharper_and_more_faces_count_more() -> None:
    small, large, other = face(0.1), face(0.2), face(0.1, left=0.1)
    assert in_focus(sharp_in(small), [small]) < in_focus(sharp_in(large), [large])
    assert in_focus(SOFT, [large]) < in_focus(sharp_in(large), [large])
    assert in_focus(sharp_in(small, other), [small]) < in_focus(sharp_in(small, other), [small, other])


def test_a_face_out_of_focus_before_a_sharp_wall_hardly_counts() -> None:
    wall = np.random.default_rng(3).integers(0, 256, (180, 320), dtype=np.uint8)
    one = face(0.2)
    box = np.s_[54:118, 128:192]
    blurred = wall.copy()
    blurred[box] = cv2.GaussianBlur(wall, (0, 0), 4)[box]
    assert in_focus(blurred, [one]) < 0.1 * in_focus(wall, [one])


def test_a_face_of_a_few_pixels_and_one_at_the_edge_do_no_harm() -> None:
    assert in_focus(SOFT, [face(0.01)]) == 0
    assert in_focus(SOFT, [Face(0.99, 0.99, 1, 1, 0.9), Face(1, 1, 1, 1, 0.9)]) == 0


parts = st.floats(0, 1)


@given(st.lists(st.tuples(parts, parts, parts, parts), max_size=6))
def test_it_lies_between_0_and_1_for_any_boxes(boxes: list[tuple[float, float, float, float]]) -> None:
    faces = [Face(min(a, c), min(b, d), max(a, c), max(b, d), 0.8) for a, b, c, d in boxes]
    for picture in (SOFT, np.full((180, 320), 16, np.uint8)):
        assert 0 <= in_focus(picture, faces) <= 1


def test_in_a_film_faces_stand_out(models: Callable[[str], Path], media: Callable[[str], Path]) -> None:
    """The trailer a frame a second: 13, 14 and 15 s are close-ups, 6 to 9 and 23 s show somebody further off."""
    pane = read_reference(media("sintel_trailer_480p.mp4"), height=480, picture_size=None)
    values = score_one_by_one(Faces(UltraFace(models("ultraface/version-RFB-320.onnx"))), [pane]).values
    assert values[13:16].min() > 0.8
    assert 0 < values[[6, 7, 8, 23]].min() < values[[6, 7, 8, 23]].max() < 0.5
    assert values[[0, 1, 2, 3, 4, 5, 10, 11, 18, 24, 28]].max() == 0
