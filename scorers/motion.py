"""How fast the picture moves, by dense optical flow."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scorers.flow import PARAMETERS, is_pair
from stream_processor.records import Pane, Samples

Image = npt.NDArray[np.uint8]


@dataclass
class LastFrame:
    """What flow needs of the past: the last luma frame, uint8 (height, width), and its time in epoch seconds."""

    luma: Image | None = None
    seconds: float = 0.0


class OpticalFlow:
    """Mean magnitude of Farneback's flow between consecutive sampled frames, in frame heights per second.

    G. Farnebäck, "Two-frame motion estimation based on polynomial expansion", SCIA 2003, as OpenCV has it, with the
    parameters of ``scorers.flow``. A sample has the time of its second frame. Dividing by height and by
    the time between the frames makes the unit the same at any frame size and sampling rate.
    """

    signal = "motion"

    def start(self) -> LastFrame:
        return LastFrame()

    def score(self, batch: Sequence[tuple[LastFrame, Pane]]) -> list[Samples]:
        return [_score_pane(memory, pane) for memory, pane in batch]


def _score_pane(last: LastFrame, pane: Pane) -> Samples:
    if pane.frames is None or len(pane.frames.times) == 0:
        return Samples.none()
    times, values = [], []
    for seconds, luma in zip(pane.frames.times.tolist(), pane.frames.host.luma, strict=True):
        if last.luma is not None and last.luma.shape == luma.shape and is_pair(last.seconds, seconds):
            times.append(seconds)
            values.append(mean_flow(last.luma, luma) / luma.shape[0] / (seconds - last.seconds))
        last.luma, last.seconds = luma, seconds
    last.luma = luma.copy()  # the pane's own frames may be reused once it is scored
    return Samples(np.array(times), np.array(values))


def mean_flow(before: Image, after: Image) -> float:
    """Mean length of the flow vectors between two luma frames, uint8 (height, width), in pixels."""
    flow = cv2.calcOpticalFlowFarneback(before, after, None, pyr_scale=0.5, flags=0, **PARAMETERS._asdict())
    across, down = flow[..., 0], flow[..., 1]
    # Not cv2.magnitude: its last bits depend on where in memory the array happens to lie.
    return float(np.sqrt(across * across + down * down).mean(dtype=np.float64))
