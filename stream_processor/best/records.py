"""What travels from scoring to choosing to cutting in ``main best``. All frozen. Times: seconds since a video's first frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Video:
    """One recording. ``key`` is its content key: the same for the same content under any name. ``fps`` None: not known."""

    path: Path
    key: str
    duration_seconds: float
    width: int
    height: int
    fps: float | None
    codec: str
    has_sound: bool


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
    """A moment that becomes clip number ``rank`` (1 is best). The clip reaches from ``start_seconds`` to ``end_seconds``.

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
