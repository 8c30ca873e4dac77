"""Frames of many lines scaled down, once, for the scorers that need no more than a few."""

from collections import deque
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from stream_processor.records import Frames, Pane, replace

HEIGHT = 180
"""Lines that motion and light descriptors are measured on, live ones too (``analysis.height``)."""

_REMEMBERED = 8
"""Panes: as many recordings may be scored together before each scorer has its own work done."""

Planes = npt.NDArray[np.uint8]


class Smaller:
    """Panes with frames of ``height`` lines, by area averages. The last few are remembered. Used by one thread at a time."""

    def __init__(self, height: int = HEIGHT) -> None:
        self.height = height
        self._last: deque[tuple[Pane, Pane]] = deque(maxlen=_REMEMBERED)

    def pane(self, pane: Pane) -> Pane:
        """The same pane with smaller frames, in memory of their own; itself where they are small enough."""
        if pane.frames is None or pane.frames.height <= self.height:
            return pane
        known = next((small for large, small in self._last if large is pane), None)
        if known is None:
            known = replace(pane, frames=smaller(pane.frames, self.height))
            self._last.append((pane, known))
        return known


def smaller(frames: Frames, height: int) -> Frames:
    """Frames of ``height`` lines (a multiple of 4), as wide as keeps their shape."""
    width = max(2, round(frames.planes.shape[2] * height / frames.height / 2) * 2)
    return Frames(frames.times, scaled(frames.host.planes, height, width))


def scaled(planes: Planes, height: int, width: int) -> Planes:
    """I420 planes, uint8 (n, h * 3 / 2, w), to uint8 (n, height * 3 / 2, width) by area averages. Or one of them, without n."""
    if planes.ndim == 2:
        one: Planes = scaled(planes[None], height, width)[0]
        return one
    tall, wide = planes.shape[1] * 2 // 3, planes.shape[2]
    out = np.empty((len(planes), height * 3 // 2, width), np.uint8)
    for plane, small in zip(planes, out, strict=True):
        _shrink(plane[:tall], small[:height])
        colours, small_colours = _colours(plane, tall, wide), _colours(small, height, width)
        for colour, small_colour in zip(colours, small_colours, strict=True):
            _shrink(colour, small_colour)
    return out


def _colours(plane: Any, height: int, width: int) -> Planes:
    """U and V of one frame, uint8 (2, height / 2, width / 2): a view."""
    colours: Planes = plane[height:].reshape(2, height // 2, width // 2)
    return colours


def _shrink(image: Planes, into: Planes) -> None:
    into[...] = cv2.resize(image, (into.shape[1], into.shape[0]), interpolation=cv2.INTER_AREA)
