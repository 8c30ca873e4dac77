"""From decoded pictures and sound to panes. Pure: arrays in, ``Pane`` records out.

The sampling grid is integer arithmetic on exact times: of all frames whose time falls into one cell [j / fps, (j + 1) / fps)
the first is taken, so that the choice depends neither on chunks nor on rounding.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_processor.decoding.frame_memory import FrameMemory, HostRing, MakeMemory
from stream_processor.records import Frames, Pane, Pictures, Sound

STALL_SECONDS = 3.0
"""A kind that lies further behind the other than this has stopped: panes no longer wait for it until it is back."""


def panes_at_once(pane_seconds: Fraction) -> int:
    """How many panes with frames may be given out together: those that waited for a kind which then counted as stopped."""
    return math.ceil(Fraction(STALL_SECONDS) / pane_seconds) + 1


class Grid:
    """Says which frames are sampled. ``fps`` samples a second at the most."""

    def __init__(self, fps: float) -> None:
        self._fps = Fraction(fps).limit_denominator(1000)
        self._cell: int | None = None

    def takes(self, seconds: Fraction) -> bool:
        """Is the frame at this time (rising from call to call, in epoch time) sampled?"""
        cell = seconds.numerator * self._fps.numerator // (seconds.denominator * self._fps.denominator)
        if self._cell is not None and cell <= self._cell:
            return False
        self._cell = cell
        return True


@dataclass
class _Shelf:
    """The sampled frames of the pane that is being filled, and of those after it where the picture runs ahead."""

    memory: FrameMemory
    times: list[Fraction] = field(default_factory=list)  # exact: a float may fall on the wrong side of a pane's end
    block: Any | None = None

    def slot(self, seconds: Fraction) -> Any:
        """Where to write the frame of this time; grows past the block only when timestamps crowd one pane."""
        if self.block is None:
            self.block = self.memory.take()
        elif len(self.times) == len(self.block):
            self.block = self.memory.grow(self.block)
        self.times.append(seconds)
        return self.block[len(self.times) - 1]

    def take(self, end: Fraction) -> tuple[npt.NDArray[np.float64], Any]:
        """The frames before ``end``; where the picture runs ahead of the sound, later ones stay for the next pane."""
        times, block = self.times, self.block
        first = sum(seconds < end for seconds in times)
        self.times, self.block = [], None
        for index in range(first, len(times)):
            assert block is not None
            self.slot(times[index])[...] = block[index]
        return np.array([float(seconds) for seconds in times[:first]], np.float64), self.memory.seal(block, first)


Room = tuple[int, int, tuple[int, ...]]


@dataclass(frozen=True)
class PaneShape:
    """What an epoch's panes hold. ``frame`` and ``picture`` are (height, width); None: there is no such kind.

    ``blocks`` bounds how many panes are on their way at once. A pane's frames stay as they are until
    ``blocks + panes_at_once(pane_seconds)`` further panes have been given out; then their memory is used again.
    """

    pane_seconds: Fraction
    fps: float
    frame: tuple[int, int] | None
    picture: tuple[int, int] | None
    picture_fps: float
    sample_rate: int | None
    blocks: int

    @property
    def memory_mb(self) -> float:
        """What the frames and pictures on their way take together, in memory of whichever kind."""
        return sum(blocks * frames * math.prod(shape) for blocks, frames, shape in filter(None, self.rooms)) / 1e6

    @property
    def rooms(self) -> tuple[Room | None, Room | None]:
        """Of frames and of pictures: how many blocks, frames in each, and one frame's shape."""
        blocks, seconds = self.blocks + panes_at_once(self.pane_seconds) + 1, float(self.pane_seconds)
        frames, pictures = int(seconds * self.fps) + 2, int(seconds * self.picture_fps) + 2
        return (
            (blocks, frames, (self.frame[0] * 3 // 2, self.frame[1])) if self.frame else None,
            (blocks, pictures, (*self.picture, 3)) if self.picture else None,
        )


class PaneBuilder:
    """Puts one epoch's frames and sound into panes, each exactly once, and gives a pane out when both have passed its end.

    ``memory`` makes the memory in which the frames lie.
    """

    def __init__(self, shape: PaneShape, *, epoch: int, start_seconds: float, memory: MakeMemory = HostRing) -> None:
        self._shape = shape
        self._epoch = epoch
        self._start_seconds = start_seconds
        self._number = 0
        self._arrived_at = 0.0
        self._video_seconds = Fraction(0)
        self._sound_seconds = Fraction(0)
        self._end_seconds = Fraction(0)
        self._frames, self._pictures = (_Shelf(memory(*room)) if room else None for room in shape.rooms)
        self._sound: list[tuple[int, npt.NDArray[np.float32]]] = []  # each with the index of its first sample
        self._sound_next = 0  # index of the sample that comes next
        self.late = 0
        """Frames and sound blocks that came after their pane had been given out."""

    def change_memory(self, memory: MakeMemory) -> None:
        """From now on the frames lie elsewhere. Those that are not given out yet are dropped: what they lie in may be lost."""
        self._frames, self._pictures = (_Shelf(memory(*room)) if room else None for room in self._shape.rooms)

    # ---- filling -----------------------------------------------------------------------------------------------------

    def advance(self, seconds: Fraction, end_seconds: Fraction, arrived_at: float) -> list[Pane]:
        """The picture is at this time (every decoded frame, sampled or not): the panes that are complete by it.

        Call it before ``frame`` and ``picture`` of the same time.
        """
        self._arrived_at = max(self._arrived_at, arrived_at)
        self._video_seconds = max(self._video_seconds, seconds)
        self._end_seconds = max(self._end_seconds, end_seconds)
        return self._complete()

    def frame(self, seconds: Fraction) -> Any | None:
        """Where to write the sampled frame's I420 planes, uint8 (height * 3 / 2, width); None if it comes too late."""
        return self._slot(self._frames, seconds)

    def picture(self, seconds: Fraction) -> Any | None:
        """Where to write the sampled picture, uint8 (height, width, 3) RGB; None if it comes too late."""
        return self._slot(self._pictures, seconds)

    def sound(self, seconds: Fraction, samples: npt.NDArray[np.float32], arrived_at: float) -> list[Pane]:
        """Mono samples, float32 (n,), that begin at this time: the panes that are complete by them.

        Sound that adjoins is counted, not timed, so that rounding never tears it; a hole of more than a tenth of a second
        is filled with NaN, a pane at a time: it may be hours long, and take no memory. What overlaps is cut.
        """
        rate = self._shape.sample_rate
        assert rate is not None
        self._arrived_at = max(self._arrived_at, arrived_at)
        offset = round(seconds * rate) - self._sound_next
        tolerated = rate // 10 if self._sound_next else 0  # the very first sound adjoins nothing
        if offset > tolerated:
            self._sound_next += offset
        elif offset < -tolerated:
            self.late += 1
            samples = samples[-offset:]
        self._sound.append((self._sound_next, samples))
        self._sound_next += len(samples)
        self._sound_seconds = Fraction(self._sound_next, rate)
        self._end_seconds = max(self._end_seconds, self._sound_seconds)
        return self._complete()

    def finish(self) -> list[Pane]:
        """The epoch is over: the rest, its last pane marked as such."""
        panes: list[Pane] = []
        while (self._number + 1) * self._shape.pane_seconds < self._end_seconds:
            panes.append(self._take(self._shape.pane_seconds))
        rest_seconds = self._end_seconds - self._number * self._shape.pane_seconds
        panes.append(self._take(max(rest_seconds, Fraction(1, 1000)), is_last=True))
        return panes

    # ---- giving out --------------------------------------------------------------------------------------------------

    def _slot(self, shelf: _Shelf | None, seconds: Fraction) -> Any | None:
        assert shelf is not None
        if seconds < self._number * self._shape.pane_seconds:
            self.late += 1
            return None
        return shelf.slot(seconds)

    def _complete(self) -> list[Pane]:
        clocks = [
            clock
            for clock, there in (
                (self._video_seconds, self._frames is not None),
                (self._sound_seconds, self._shape.sample_rate is not None),
            )
            if there
        ]
        passed = max(min(clocks), max(clocks) - Fraction(STALL_SECONDS))
        panes: list[Pane] = []
        while passed > (self._number + 1) * self._shape.pane_seconds:
            panes.append(self._take(self._shape.pane_seconds))
        return panes

    def _take(self, duration_seconds: Fraction, *, is_last: bool = False) -> Pane:
        begin = self._number * self._shape.pane_seconds
        end = begin + duration_seconds
        pane = Pane(
            epoch=self._epoch,
            number=self._number,
            start_seconds=self._start_seconds + float(begin),
            duration_seconds=float(duration_seconds),
            frames=Frames(*self._frames.take(end)) if self._frames else None,
            pictures=Pictures(*self._pictures.take(end)) if self._pictures else None,
            sound=self._take_sound(begin, end) if self._shape.sample_rate else None,
            arrived_at=self._arrived_at,
            is_last=is_last,
        )
        self._number += 1
        return pane

    def _take_sound(self, begin: Fraction, end: Fraction) -> Sound:
        rate = self._shape.sample_rate
        assert rate is not None
        first, stop = int(-(-begin * rate // 1)), int(-(-end * rate // 1))
        self._sound_next = max(self._sound_next, stop)  # the sound has stopped, or ends before the picture
        here = [(at, block) for at, block in self._sound if at < stop]
        taken = _silence(stop - first) if not here else np.full(stop - first, np.nan, np.float32)
        for at, block in here:
            taken[at - first : at - first + len(block)] = block[: stop - at]
        self._sound = [(max(at, stop), block[max(stop - at, 0) :]) for at, block in self._sound if at + len(block) > stop]
        return Sound(first, rate, taken)


@lru_cache(maxsize=4)
def _silence(samples: int) -> npt.NDArray[np.float32]:
    """What panes without sound share: thousands of them may be on their way after a long hole."""
    silence = np.full(samples, np.nan, np.float32)
    silence.flags.writeable = False
    return silence


def analysis_size(width: int, height: int, analysis_height: int, aspect: float = 1.0) -> tuple[int, int]:
    """(height, width) at which a stream is analysed: never enlarged, width even, height a multiple of four.

    ``aspect`` is the sample aspect ratio. Very wide pictures are bounded to four times their height.
    """
    target = max(4, min(analysis_height, height) // 4 * 4)
    wide = width * aspect * target / height
    return target, max(16, min(round(wide / 2) * 2, 4 * target))
