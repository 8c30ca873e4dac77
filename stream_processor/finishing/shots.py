"""How much a picture differs from the one before it, by PySceneDetect's detectors, and which differences are a cut. Pure.

What comes out is a *strength*: 1.0 is the least difference that a cut has for the kind of detector that was asked. Measured on
five sampled frames a second it finds candidates only, since quick movement differs as much; on all frames of the stream a cut
stands out from the frames around it (``cut_among``).
"""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

Kind = Literal["content", "colour", "hash"]
Bytes = npt.NDArray[np.uint8]

HEIGHT, WIDTH = 88, 160
"""Every picture is averaged down to this size first: the strength does not depend on its size, nor on fine noise."""

LEAST = {"content": 9.0, "colour": 27.0, "hash": 0.35}
"""What the detectors' own numbers must be for strength 1.0.

content: mean change of brightness, of 255. Measured: 9 is what a change between two title cards makes in the Sintel trailer; all
its other cuts make 18 to 130. colour: PySceneDetect's own default weights and threshold, where hue and saturation count as much
as brightness; in the dark they are noise. hash: share of a perceptual hash's bits, PySceneDetect's default.
"""

STANDS_OUT = 2.5
"""So many times as strong as the mean of its neighbours a cut is among consecutive frames. PySceneDetect's AdaptiveDetector
judges likewise and asks for 3.0, which misses a cut amid the Sintel trailer's fight (2.7)."""

NEIGHBOURS = 2
"""On each side, as in AdaptiveDetector."""


class Differences:
    """Strengths of one run of pictures, each against the one before it. Not thread-safe."""

    def __init__(self, kind: Kind) -> None:
        from scenedetect.common import FrameTimecode  # takes half a second, with the backends and the output that it brings
        from scenedetect.detectors import ContentDetector, HashDetector

        self._kind = kind
        self._content = ContentDetector(min_scene_len=0, luma_only=kind == "content")
        self._no_time = FrameTimecode(0, fps=1.0)  # a detector needs one to say where a cut is; only its measure is asked for
        self._hash_of = HashDetector.hash_frame
        self._hash: npt.NDArray[np.bool_] | None = None

    def push(self, planes: Bytes) -> float:
        """``planes``: one picture in I420, uint8 (height * 3 / 2, width), which is not kept. The first one's strength is 0."""
        picture: Bytes = cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420)
        if picture.shape[:2] != (HEIGHT, WIDTH):
            picture = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        return (self._hash_distance(picture) if self._kind == "hash" else self._content_change(picture)) / LEAST[self._kind]

    def _content_change(self, picture: Bytes) -> float:
        # Public is its measure only with a stats manager, for which it would also look for edges, at four times the cost.
        self._content.process_frame(self._no_time, picture)
        return float(self._content._frame_score or 0.0)  # noqa: SLF001

    def _hash_distance(self, picture: Bytes) -> float:
        before, self._hash = self._hash, self._hash_of(picture, hash_size=8, factor=2)
        return 0.0 if before is None else float(np.mean(before != self._hash))


def cut_among(strengths: Sequence[float], first: int, stop: int, threshold: float) -> int | None:
    """Of consecutive frames' strengths the index in [first, stop) of the strongest that is a cut; None: none is.

    A cut is at least ``threshold`` strong and ``STANDS_OUT`` from the frames around it.
    """
    return max(
        (place for place in range(first, stop) if strengths[place] >= threshold and _stands_out(strengths, place)),
        key=lambda place: strengths[place],
        default=None,
    )


def _stands_out(strengths: Sequence[float], place: int) -> bool:
    around = [*strengths[max(place - NEIGHBOURS, 0) : place], *strengths[place + 1 : place + 1 + NEIGHBOURS]]
    return not around or strengths[place] >= STANDS_OUT * sum(around) / len(around)
