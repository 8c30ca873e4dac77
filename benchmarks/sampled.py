"""Real pictures at the program's sampling rate and the stream's own size, one at a time: a whole film fits in no memory."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt

from stream_processor.frames import Grid

FPS = 5.0

Image = npt.NDArray[np.uint8]


def _threaded(context: Any) -> None:
    context.thread_type = "AUTO"


def decoded(path: Path, prepare: Callable[[Any], None] = _threaded) -> Iterator[tuple[float, Any]]:
    """Every frame of the best video stream with its time in seconds since the first; what cannot be decoded is passed over.

    ``prepare`` gets the decoder's context before it opens.
    """
    with av.open(str(path)) as container:
        stream: Any = container.streams.best("video")
        prepare(stream.codec_context)
        origin: float | None = None
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                if frame.time is None:
                    continue
                origin = frame.time if origin is None else origin
                yield frame.time - origin, frame


def sampled(path: Path, *, at_most_seconds: float = float("inf"), fps: float = FPS) -> Iterator[tuple[float, Any]]:
    """The frames that the program would look at."""
    grid = Grid(fps)
    for seconds, frame in decoded(path):
        if seconds >= at_most_seconds:
            return
        if seconds >= 0 and grid.takes(Fraction(seconds).limit_denominator(90_000)):
            yield seconds, frame


def luma(frame: Any) -> Image:
    """uint8 (height, width): a view of the decoder's own plane where it has one, without the padding at its rows' ends."""
    plain = frame if frame.format.name in ("yuv420p", "yuvj420p", "nv12", "gray") else frame.reformat(format="yuv420p")
    plane: Any = plain.planes[0]
    rows: Image = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]
