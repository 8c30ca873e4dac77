"""How much of the picture is blown out or crushed to black."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from stream_processor.contracts import Memory
from stream_processor.records import Pane, Samples

BLOWN, CRUSHED = 250, 5
"""Of full-range luma, 0 to 255: from the one up, and down to the other, there is nothing left to see."""

LIMITED_BLACK, LIMITED_STEPS = 16, 219
"""Analysis frames are in limited range (ITU-R BT.601, BT.709): black is 16, white 235; what lies beyond counts as them."""

LIMITED_BLOWN = -(-(2 * BLOWN - 1) * LIMITED_STEPS // 510) + LIMITED_BLACK
LIMITED_CRUSHED = (2 * CRUSHED + 1) * LIMITED_STEPS // 510 + LIMITED_BLACK
"""The smallest value of limited range that rounds to ``BLOWN`` or more, and the largest that rounds to ``CRUSHED`` or less."""


class Exposure:
    """Share of pixels that are blown out (250–255) or crushed (0–5), of luma stretched to full range: 0 none, 1 all.

    Higher is worse: it is a penalty. Frames are in limited range, whatever the recording's own is (``decoding.scaling``).
    """

    signal = "exposure"
    keeps = "samples"

    def start(self) -> Memory:
        return None

    def score(self, batch: Sequence[tuple[Memory, Pane]]) -> list[Samples]:
        return [_score_pane(pane) for _, pane in batch]


def _score_pane(pane: Pane) -> Samples:
    if pane.frames is None or not len(pane.frames.times):
        return Samples.none()
    return Samples(pane.frames.times, np.array([lost_share(luma) for luma in pane.frames.host.luma]))


def lost_share(luma: npt.NDArray[np.uint8]) -> float:
    """Of one image, uint8 (height, width), in limited range."""
    left = cv2.countNonZero(cv2.inRange(luma, LIMITED_CRUSHED + 1, LIMITED_BLOWN - 1))
    return 1 - float(left) / luma.size
