"""Tapes made by hand: a curve of one signal, and looks that are as different as wanted."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stream_processor.best.records import Stretch, Video
from stream_processor.best.tape import Tape
from stream_processor.records import Samples


def key_of(name: str) -> str:
    """As a content key looks."""
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def video(name: str = "a.mp4", *, seconds: float = 60.0, stretches: Sequence[Stretch] = (), key: str = "") -> Video:
    parts = tuple(stretches) or (Stretch(0.0, seconds, 0.0),)
    return Video(Path(name), key or key_of(name), parts[-1].end_seconds, 640, 360, 30.0, "h264", True, parts)


def tape(
    signals: Mapping[str, Sequence[float]],
    *,
    name: str = "a.mp4",
    fps: float = 5.0,
    looks: npt.NDArray[np.float32] | None = None,
    stretches: Sequence[Stretch] = (),
) -> Tape:
    """A frame for each value. Without ``looks`` each frame looks like nothing else."""
    rows = len(next(iter(signals.values())))
    times = np.arange(rows) / fps
    return Tape(
        video=video(name, seconds=rows / fps, stretches=stretches),
        times=times,
        frames=np.arange(rows, dtype=np.int64) * 6,
        signals={signal: Samples(times, np.array(values, np.float64)) for signal, values in signals.items()},
        looks=np.eye(rows, dtype=np.float32) if looks is None else looks,
    )
