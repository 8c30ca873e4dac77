"""The frame at a clip's peak as a picture: caught on its way to the encoder, turned upright, its pixels made square."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import Type
from PIL import Image

from stream_processor.clipping.encode import Retouch

_EARLY_SECONDS = 1e-3
"""Timestamps are rounded on their way; the frame asked for is the one so little after the time, too."""


class PeakCatcher:
    """A Retouch around another one, or none: lets everything through and keeps the last frame that is no later than the peak.

    ``peak_seconds`` is on the frames' own timeline.
    """

    def __init__(self, size: tuple[int, int], inner: Retouch | None, peak_seconds: float) -> None:
        self.size = inner.size if inner is not None else size
        self._inner = inner
        self._peak_seconds = peak_seconds
        self._frame: Any = None
        self._matrix: npt.NDArray[np.int32] | None = None

    def push(self, frame: Any) -> Iterator[Any]:
        if frame is not None and self._frame is None:
            matrix = frame.side_data.get(Type.DISPLAYMATRIX)
            self._matrix = None if matrix is None else np.frombuffer(matrix, np.int32).copy()
        untouched = () if frame is None else (frame,)
        for result in untouched if self._inner is None else self._inner.push(frame):
            if self._frame is None or result.pts * result.time_base <= self._peak_seconds + _EARLY_SECONDS:
                self._frame = result
            yield result

    def picture(self, pixel_shape: Fraction | None) -> Image.Image | None:
        """RGB, as people see it; None where no frame came by. ``pixel_shape``: width of a pixel by its height."""
        if self._frame is None:
            return None
        rgb = self._frame.to_ndarray(format="rgb24")
        picture = Image.fromarray(rgb)
        if pixel_shape and pixel_shape != 1 and Fraction(1, 4) <= pixel_shape <= 4:
            picture = picture.resize((max(1, round(picture.width * pixel_shape)), picture.height), Image.Resampling.LANCZOS)
        return Image.fromarray(upright(np.asarray(picture), self._matrix))


def upright(pixels: npt.NDArray[np.uint8], matrix: npt.NDArray[np.int32] | None) -> npt.NDArray[np.uint8]:
    """(height, width, 3) turned and mirrored as a display matrix says (9 numbers, ISO 14496-12), by quarter turns."""
    if matrix is None or len(matrix) < 5:
        return pixels
    a, b, c, d = (int(matrix[index]) for index in (0, 1, 3, 4))
    if abs(b) > abs(a):  # x becomes y
        pixels = pixels.swapaxes(0, 1)
        a, d = c, b
    if a < 0:
        pixels = pixels[:, ::-1]
    if d < 0:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
