"""What travels from scoring to choosing to cutting in ``main best``. All frozen. Times: seconds since a video's first frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stretch:
    """An unbroken part of a video (an epoch), in seconds since the video's first frame. Most videos have just one.

    ``file_seconds`` is the timestamp (pts) that the file itself has for the stretch's first frame: not 0 where a file begins
    later, has an edit list, or jumps.
    """

    start_seconds: float
    end_seconds: float
    file_seconds: float


@dataclass(frozen=True)
class Video:
    """One recording. ``key`` is its content key: the same for the same content under any name. ``fps`` None: not known.

    ``stretches`` are in order, at least one. The picture is that of the stream which ``demux.AvDemuxer`` takes.
    """

    path: Path
    key: str
    duration_seconds: float
    width: int
    height: int
    fps: float | None
    codec: str
    has_sound: bool
    stretches: tuple[Stretch, ...] = (Stretch(0.0, float("inf"), 0.0),)

    def stretch_at(self, seconds: float) -> Stretch:
        """The one in which this time lies; before the first: the first."""
        return next((one for one in reversed(self.stretches) if one.start_seconds <= seconds), self.stretches[0])

    def file_span(self, start_seconds: float, end_seconds: float) -> tuple[float, float]:
        """Times in this video to the file's own timestamps, in seconds: where to cut. Both lie in the stretch of the first.

        Exact where ``start_seconds`` is the time of a frame: that frame has this timestamp in the file, but for rounding.
        """
        stretch = self.stretch_at(start_seconds)
        shift_seconds = stretch.file_seconds - stretch.start_seconds
        return start_seconds + shift_seconds, end_seconds + shift_seconds


@dataclass(frozen=True)
class FrameTable:
    """The raw scores of one video's sampled frames: float64 (n,) each, NaN where a signal measured nothing.

    ``times`` rise. ``frames`` int64 (n,) are the frames' numbers in the video, counted from 0. ``signals``: name -> values in the
    scorer's own unit. ``looks`` float32 (n, d), each of length one, is what diversity compares; may be memory-mapped.
    ``look_kind`` says what made them, e.g. ``clip ViT-B-32-quickgelu`` or ``light``.
    """

    video: Video
    times: Float64s
    frames: npt.NDArray[np.int64]
    signals: Mapping[str, Float64s]
    looks: npt.NDArray[np.float32]
    look_kind: str


@dataclass(frozen=True)
class ScoreTable:
    """Made comparable: ``components`` 0 to 1 for each signal that counts, their weighted sum ``scores``, and that smoothed."""

    table: FrameTable
    components: Mapping[str, Float64s]
    scores: Float64s
    smoothed: Float64s


@dataclass(frozen=True)
class Moment:
    """A peak of the smoothed score. ``index`` is its row in ``tables[video]``. ``frame``: the frame's number in the video."""

    video: int
    index: int
    peak_seconds: float
    frame: int
    score: float
    components: Mapping[str, float]


@dataclass(frozen=True)
class Chosen:
    """A moment that becomes clip number ``rank`` (1 is best). The clip reaches from ``start_seconds`` to ``end_seconds``,
    both since the video's first frame and within one stretch: ``Video.file_span`` gives the file's own times.

    ``notes``: (finishing step, reason) for boundaries that were moved.
    """

    rank: int
    moment: Moment
    start_seconds: float
    end_seconds: float
    notes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Rejected:
    """A peak that was not taken, and why, in words for people."""

    moment: Moment
    reason: str


@dataclass(frozen=True)
class Selection:
    """What was chosen from all videos, best first, what was not, and by which parameters (ready for JSON).

    ``similarity`` float64 (m, m): cosine similarity of all peaks, the chosen first in rank order, then the rejected in order.
    """

    tables: Sequence[ScoreTable]
    chosen: Sequence[Chosen]
    rejected: Sequence[Rejected]
    similarity: Float64s
    parameters: Mapping[str, Any]
    notes: Sequence[str] = ()
    """What the user should know, a line each: signals left out, fewer moments than asked for."""
