"""How sharp the picture is, by its fine detail."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from stream_processor.contracts import Memory
from stream_processor.records import Pane, Samples


class Sharpness:
    """Variance of the Laplacian of luma, in luma steps squared: the more edges and the steeper they are, the more.

    J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy: a comparative study", ICPR 2000 (there LAPV), by
    OpenCV's four-neighbour kernel. It is measured on the frames as they come, never enlarged ones, and means something among
    frames of one height only: with the same content, fewer lines have steeper edges. Noise counts as detail; a cut to another
    scene changes it, so that it compares moments of one recording best. Black or any other plain picture: 0.
    """

    signal = "sharpness"
    keeps = "samples"

    def start(self) -> Memory:
        return None

    def score(self, batch: Sequence[tuple[Memory, Pane]]) -> list[Samples]:
        return [_score_pane(pane) for _, pane in batch]


def _score_pane(pane: Pane) -> Samples:
    if pane.frames is None or not len(pane.frames.times):
        return Samples.none()
    return Samples(pane.frames.times, np.array([laplacian_variance(luma) for luma in pane.frames.host.luma]))


def laplacian_variance(luma: npt.NDArray[np.uint8]) -> float:
    """Of one image, uint8 (height, width). In 16 bits, which hold every value (±1020) exactly, in half the time of floats."""
    _, deviation = cv2.meanStdDev(cv2.Laplacian(luma, cv2.CV_16S))
    return float(deviation[0, 0]) ** 2
