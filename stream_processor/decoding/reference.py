"""A picture or a clip that others are to be like: a few of its frames, in the very form in which a recording's are scored."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av.error
import numpy as np

from stream_processor.decoding.scaling import HostScaler, sizes
from stream_processor.demux import open_container
from stream_processor.errors import SourceError, SourceUnusable
from stream_processor.frames import Grid
from stream_processor.records import Frames, Pane, Pictures

FPS = 1.0
MOST = 30
"""Frames that are taken, one a second: of a longer clip its first half minute."""

_FROM_DISK = {"protocol_whitelist": "file,crypto,data"}
"""A playlist on disk may name its neighbours, never the network."""
_TEXT_FORMATS = ("tty", "bin", "adf", "idf", "xbin")
"""FFmpeg shows plain text as a picture; nobody means that."""


def read_reference(path: Path, *, height: int, picture_size: int | None, max_megapixels: float = 36.0) -> Pane:
    """The frames that are taken, in one pane; ``height`` and ``picture_size`` as ``decode.Sampling`` has them.

    SourceUnusable: no such file, nothing to see in it, or a picture of more than ``max_megapixels``.
    """
    wanted = "name an image or a video"
    try:
        if not path.is_file():
            raise SourceUnusable(f"--like {path}: no such file, {wanted}")
        with open_container(f"file:{path}", name=str(path), options=_FROM_DISK) as container:
            if not container.streams.video or container.format.name in _TEXT_FORMATS:
                raise SourceUnusable(f"--like {path}: there is no picture in it, {wanted}")
            return _pane(path, container, height, picture_size, max_megapixels)
    except SourceUnusable as error:
        raise error if str(error).startswith("--like") else SourceUnusable(f"--like {error}, {wanted}") from error
    except (SourceError, av.error.FFmpegError) as error:
        reason = error.strerror if isinstance(error, av.error.FFmpegError) else error
        raise SourceUnusable(f"--like {path}: cannot be read ({reason}), {wanted}") from error


def _pane(path: Path, container: Any, height: int, picture_size: int | None, max_megapixels: float) -> Pane:
    stream, scaler = container.streams.video[0], HostScaler()
    context = stream.codec_context
    if context is None or context.width * context.height > max_megapixels * 1e6:
        size = "unknown size" if context is None else f"{context.width}x{context.height}"
        raise SourceUnusable(f"--like {path}: a picture of {size} cannot be taken")
    context.thread_type = "NONE"  # a few frames: threads would hold a frame each
    context.options = {**context.options, "max_pixels": str(int(max_megapixels * 1e6))}
    planes, pictures = [], []
    for frame in _some(container.decode(stream)):
        (tall, wide), picture = sizes(context, height=height, picture_size=picture_size)
        planes.append(np.empty((tall * 3 // 2, wide), np.uint8))
        scaler.i420(frame, planes[-1])
        if picture is not None:
            pictures.append(np.empty((*picture, 3), np.uint8))
            scaler.rgb(frame, pictures[-1])
    if not planes:
        raise SourceUnusable(f"--like {path}: not one picture in it can be decoded")
    shape = planes[0].shape
    same = [index for index, one in enumerate(planes) if one.shape == shape]  # some files change their size on the way
    times = np.array(same, np.float64)
    return Pane(
        epoch=0,
        number=0,
        start_seconds=0.0,
        duration_seconds=len(planes) / FPS,
        frames=Frames(times, np.stack([planes[index] for index in same])),
        pictures=Pictures(times, np.stack([pictures[index] for index in same])) if pictures else None,
        sound=None,
    )


def _some(frames: Iterator[Any]) -> Iterator[Any]:
    """One a second, ``MOST`` at the most."""
    grid, taken = Grid(FPS), 0
    for index, frame in enumerate(frames):
        seconds = Fraction(index) if frame.pts is None else frame.pts * frame.time_base
        if frame.width and grid.takes(seconds):
            yield frame
            taken += 1
            if taken == MOST:
                return
