"""Where in a picture there are faces, by UltraFace, through OpenCV: no further library is needed."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from scorers.smaller import scaled
from stream_processor.errors import ScorerError

HEIGHT, WIDTH = 240, 320
"""Of the picture that the network takes; any other is squeezed to it."""
LEAST_CONFIDENCE = 0.7
MOST_OVERLAP = 0.3
"""Intersection over union of two boxes above which they are one face."""


class Face(NamedTuple):
    """A box, in parts of the picture's width and height (0 to 1), and how sure the network is (0 to 1)."""

    left: float
    top: float
    right: float
    bottom: float
    confidence: float


class UltraFace:
    """Linzaer, "Ultra-Light-Fast-Generic-Face-Detector-1MB", 2019 (version RFB-320), from its ONNX file. Used by one thread."""

    def __init__(self, path: Path) -> None:
        """ScorerError: no such file, no network, or another one."""
        if not path.expanduser().is_file():
            raise ScorerError(f"faces.model: {path} is no file")
        try:
            self._network = cv2.dnn.readNetFromONNX(str(path.expanduser()))
            self._infer(np.zeros((1, 3, HEIGHT, WIDTH), np.float32))
        except (cv2.error, ValueError, TypeError, IndexError) as error:
            raise ScorerError(f"faces.model: {path} is not UltraFace's network (version-RFB-320.onnx)") from error

    def faces(self, planes: npt.NDArray[np.uint8]) -> list[Face]:
        """In one I420 picture, uint8 (height * 3 / 2, width), surest first."""
        rgb = cv2.cvtColor(scaled(planes, HEIGHT, WIDTH), cv2.COLOR_YUV2RGB_I420)
        inputs = (rgb.astype(np.float32).transpose(2, 0, 1)[None] - 127) / 128
        scores, boxes = self._infer(inputs)
        sure = scores > LEAST_CONFIDENCE
        scores, boxes = scores[sure], np.clip(boxes[sure], 0, 1)
        corners = [(left, top, right - left, bottom - top) for left, top, right, bottom in boxes.tolist()]
        kept = cv2.dnn.NMSBoxes(corners, scores.tolist(), LEAST_CONFIDENCE, MOST_OVERLAP)
        return [
            Face(left, top, right, bottom, float(scores[index]))
            for index in np.ravel(kept).astype(int)
            for left, top, right, bottom in [boxes[index].tolist()]
        ]

    def _infer(self, inputs: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """How sure it is of a face in each of its boxes, float32 (n,), and the boxes, (n, 4). ValueError: it gives none."""
        self._network.setInput(inputs)
        names = set(self._network.getUnconnectedOutLayersNames())
        if names != {"scores", "boxes"}:
            raise ValueError(f"its outputs are {names}")
        scores, boxes = self._network.forward(["scores", "boxes"])
        if scores.ndim != 3 or boxes.shape != (1, scores.shape[1], 4):
            raise ValueError(f"its outputs are of the shapes {scores.shape} and {boxes.shape}")
        return scores[0, :, 1], boxes[0]
