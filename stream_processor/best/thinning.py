"""Adaptive sampling: frames come densely from decoding; here all are kept where much moves, and fewer where little does. Pure.

::

    decoded and scaled   | | | | | | | | | | | | | | |      max_sample_fps
    the picture          calm      much moves  calm
    kept                 |   | |   | | | | | | | |   |      sample_fps where it is calm

How much moves is told by thumbnails: the mean absolute difference of luma from the frame before, which costs a small fraction
of what scoring a frame does. What is kept does not depend on how frames were cut into panes.
"""

from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from stream_processor.frames import Grid
from stream_processor.records import Frames, Pane, Pictures, replace

_WIDTH, _HEIGHT = 32, 18
_FINEST = 90_000
"""Times are multiples of at least 1/90000 s, or as good as that."""


class Thinner:
    """For one video. ``calm_fps`` are kept where the picture calms down, all where it changes by ``busy_change`` or more.

    ``busy_change`` is a share of full scale (0 to 1) from one frame to the next. ``kept`` and ``seen`` count frames.
    """

    def __init__(self, calm_fps: float, busy_change: float) -> None:
        self._calm_fps = calm_fps
        self._busy_change = busy_change
        self._epoch: int | None = None
        self._grid = Grid(calm_fps)
        self._last: npt.NDArray[np.float32] | None = None
        self.kept = self.seen = 0

    def thin(self, pane: Pane) -> Pane:
        """The pane with the frames and pictures that are kept: a copy of them, or itself where all are."""
        if pane.frames is None:
            return pane
        if pane.epoch != self._epoch:
            self._epoch, self._grid, self._last = pane.epoch, Grid(self._calm_fps), None
        frames = pane.frames
        keep = np.array([self._keeps(seconds, luma) for seconds, luma in zip(frames.times, frames.luma, strict=True)], bool)
        self.seen += len(keep)
        self.kept += int(keep.sum())
        if keep.all():
            return pane
        pictures = pane.pictures
        if pictures is not None:
            also = np.isin(pictures.times, frames.times[keep])
            pictures = Pictures(pictures.times[also], pictures.rgb[also])
        return replace(pane, frames=Frames(frames.times[keep], frames.planes[keep]), pictures=pictures)

    def _keeps(self, seconds: float, luma: Any) -> bool:
        small = cv2.resize(luma, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
        change = 0.0 if self._last is None else float(np.abs(small - self._last).mean()) / 255
        self._last = small
        is_due = self._grid.takes(Fraction(seconds).limit_denominator(_FINEST))  # it must see every frame
        return is_due or change >= self._busy_change
