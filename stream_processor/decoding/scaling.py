"""From a decoder's picture to the small ones that scorers see, in the host's memory. ``device_frames`` does it on a card."""

from typing import Any

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter

from stream_processor.frames import analysis_size

Bytes = npt.NDArray[np.uint8]
Size = tuple[int, int]
"""Height and width."""

_WIDEST = 4
"""A picture's longer side is at most so many times its shorter one."""


class HostScaler:
    """Scales with FFmpeg, one thread: at these sizes more of them only wait for each other. Used by one thread."""

    def __init__(self) -> None:
        self._frames = VideoReformatter()
        self._pictures = VideoReformatter()

    def i420(self, frame: VideoFrame, slot: Bytes) -> None:
        """Fill ``slot``, uint8 (height * 3 / 2, width), by area averages: Y, then U, then V, as decoders give them.

        In limited range (black is 16, white 235) always, so that a value means the same whatever the recording's own range is.
        """
        height, width = slot.shape[0] * 2 // 3, slot.shape[1]
        limited = ColorRange.MPEG if frame.color_range == ColorRange.JPEG else None
        small = self._frames.reformat(
            frame, width=width, height=height, format="yuv420p", interpolation="AREA", dst_color_range=limited, threads=1
        )
        chroma, half = height // 4, (height // 2, width // 2)
        slot[:height] = _plane(small, 0, height, width)
        slot[height : height + chroma].reshape(half)[...] = _plane(small, 1, *half)
        slot[height + chroma :].reshape(half)[...] = _plane(small, 2, *half)

    def rgb(self, frame: VideoFrame, slot: Bytes) -> None:
        """Fill ``slot``, uint8 (height, width, 3), bicubic as CLIP's own preprocessing."""
        height, width, _ = slot.shape
        small = self._pictures.reformat(frame, width=width, height=height, format="rgb24", interpolation="BICUBIC", threads=1)
        slot[...] = _plane(small, 0, height, width * 3).reshape(slot.shape)


def sizes(context: Any, *, height: int, picture_size: int | None) -> tuple[Size, Size | None]:
    """Of analysis frames, and of pictures whose shorter side is ``picture_size``. ``context``: the decoder's."""
    aspect = float(context.sample_aspect_ratio or 1) or 1.0
    frame = analysis_size(context.width, context.height, height, aspect)
    if picture_size is None:
        return frame, None
    scale = picture_size / min(context.height, context.width * aspect)
    longest = _WIDEST * picture_size
    picture_height = min(max(round(context.height * scale), picture_size), longest)
    picture_width = min(max(round(context.width * aspect * scale), picture_size), longest)
    return frame, (picture_height, picture_width)


def _plane(frame: VideoFrame, index: int, height: int, width: int) -> Bytes:
    """uint8 (height, width): a view of one plane without the padding at its rows' ends."""
    plane: Any = frame.planes[index]
    rows: Bytes = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[:height, :width]
