"""Luma frames of real recordings, as the analysis samples them."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt


def luma_frames(
    path: Path, count: int, *, from_seconds: float = 0.0, fps: float = 5.0, height: int = 180, width: int = 320
) -> npt.NDArray[np.uint8]:
    """uint8 (count or less, height, width): the first of every 1 / fps seconds, from the keyframe before ``from_seconds`` on."""
    frames: dict[int, npt.NDArray[np.uint8]] = {}
    with av.open(path) as container:
        container.seek(int(from_seconds * av.time_base))
        for frame in container.decode(video=0):
            assert frame.time is not None
            cell = int(frame.time * fps)
            if cell in frames:
                continue
            if len(frames) == count:
                break
            frames[cell] = frame.reformat(width, height, "gray").to_ndarray()
    return np.stack(list(frames.values()))
