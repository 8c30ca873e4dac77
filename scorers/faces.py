"""How much of the picture are faces, and are they in focus."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from scorers.sharpness import laplacian_variance
from scorers.ultraface import Face
from stream_processor.contracts import Memory
from stream_processor.records import Frames, Pane, Samples

HALF_AREA = 0.05
"""A face of this share of the picture, as sharp as the picture around it, gives a half: someone who sits before a camera."""
LEAST_VARIANCE = 1.0
"""Of the Laplacian: below it there is no detail at all, and nothing to compare."""
LEAST_PIXELS = 8
"""A face's shorter side: whether a smaller one is in focus cannot be seen."""


class FindsFaces(Protocol):
    def faces(self, planes: npt.NDArray[np.uint8], /) -> list[Face]:
        """In one I420 picture, uint8 (height * 3 / 2, width)."""
        ...


class Faces:
    """Faces in focus: 1 − 2^(−Σ area · focus / (0.05 / 2)), 0 none, rising to 1 with more and larger ones.

    ``area``: the face's share of the picture. ``focus``: variance of the Laplacian within the face (``scorers.sharpness``) as a
    part of itself and that of the whole picture together: 0 quite out of focus, 0.5 as sharp as the rest, 1 much sharper.
    """

    signal = "faces"
    keeps = "samples"

    def __init__(self, detector: FindsFaces) -> None:
        self._detector = detector

    def start(self) -> Memory:
        return None

    def score(self, batch: Sequence[tuple[Memory, Pane]]) -> list[Samples]:
        return [self._score_pane(pane) for _, pane in batch]

    def _score_pane(self, pane: Pane) -> Samples:
        if pane.frames is None or not len(pane.frames.times):
            return Samples.none()
        frames: Frames = pane.frames.host
        values = [in_focus(luma, self._detector.faces(planes)) for luma, planes in zip(frames.luma, frames.planes, strict=True)]
        return Samples(frames.times, np.array(values))


def in_focus(luma: npt.NDArray[np.uint8], faces: Sequence[Face]) -> float:
    """What ``Faces`` says of one picture, uint8 (height, width), with these faces in it."""
    if not faces:
        return 0.0
    whole = laplacian_variance(luma) + LEAST_VARIANCE
    total = 0.0
    for face in faces:
        box = _within(luma, face)
        if min(box.shape) >= LEAST_PIXELS:
            own = laplacian_variance(box)
            total += box.size / luma.size * own / (own + whole)
    return 1 - math.exp2(-total / (HALF_AREA / 2))


def _within(luma: npt.NDArray[np.uint8], face: Face) -> npt.NDArray[np.uint8]:
    height, width = luma.shape
    rows = slice(round(face.top * height), round(face.bottom * height))
    return luma[rows, round(face.left * width) : round(face.right * width)]
