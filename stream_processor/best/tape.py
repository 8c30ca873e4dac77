"""What was measured of one video, as it was measured: raw numbers for each sampled frame and for the sound.

Looks go into a file as they come and are mapped from there; the numbers lie in compact arrays, about 200 bytes for a second of
video. So memory grows with the length of a video only by that.
"""

import contextlib
from array import array
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt

from stream_processor.best.numbering import FrameNumbers
from stream_processor.best.records import Float64s, Stretch, Video
from stream_processor.records import Epoch, PaneScore, Samples

LOOK = "look"
"""The name of the scorer whose samples say which frames were sampled, and what they look like."""

_MOST_A_SECOND = 10
"""Signals with more samples than that are kept as means: the loudness of every hundredth of a second is of no use here."""


@dataclass(frozen=True)
class Tape:
    """``times`` float64 (n,) and ``frames`` int64 (n,) of the sampled frames; times are seconds since the video's first frame.

    ``signals``: name -> samples with times of their own, in those seconds. ``looks`` float32 (n, d), memory-mapped.
    ``torn``: names of those that failed at some of the frames. They are good for this run, and not for the next.
    """

    video: Video
    times: Float64s
    frames: npt.NDArray[np.int64]
    signals: Mapping[str, Samples]
    looks: npt.NDArray[np.float32]
    torn: frozenset[str] = frozenset()


@dataclass
class _Track:
    """Samples of one signal so far."""

    times: "array[float]" = field(default_factory=lambda: array("d"))
    values: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, times: Float64s, values: Float64s) -> None:
        self.times.frombytes(np.ascontiguousarray(times, np.float64).tobytes())
        self.values.frombytes(np.ascontiguousarray(values, np.float64).tobytes())

    def samples(self) -> Samples:
        return Samples(np.array(self.times, np.float64), np.array(self.values, np.float64))


class TapeWriter:
    """Takes the scores of one video's panes in order, from one thread. ``looks_file`` is made anew. Close it.

    ``whole``: names whose samples are kept as they are, however many there are. OSError: the disk does not take the looks.
    """

    def __init__(self, looks_file: Path, numbers: FrameNumbers, *, whole: Collection[str] = ()) -> None:
        self._path = looks_file
        self._file: BinaryIO = looks_file.open("wb")
        self._numbers = numbers
        self._whole = frozenset(whole)
        self._epochs: dict[int, Epoch] = {}
        self._pane_ends: dict[int, float] = {}
        self._times = array("d")
        self._frames = array("q")
        self._tracks: dict[str, _Track] = {}
        self._dimensions = 0

    def begin(self, epoch: Epoch) -> None:
        """Before the epoch's first pane; from any thread."""
        self._epochs[epoch.number] = epoch

    @property
    def epochs(self) -> list[Epoch]:
        return list(self._epochs.values())

    def add(self, score: PaneScore) -> None:
        start_seconds = self._epochs[score.epoch].start_seconds
        self._pane_ends[score.epoch] = score.start_seconds + score.duration_seconds
        for name, samples in score.traces.items():
            if name == LOOK:
                self._add_looks(score.epoch, start_seconds, samples)
            else:
                few = samples if name in self._whole else at_most(samples, _MOST_A_SECOND)
                self._tracks.setdefault(name, _Track()).add(start_seconds + few.times, few.values)

    def _add_looks(self, epoch: int, start_seconds: float, samples: Samples) -> None:
        if samples.vectors is None or not len(samples.times):
            return
        numbers = self._numbers.numbers(epoch, samples.times)
        is_shown = numbers >= 0
        self._times.frombytes((start_seconds + samples.times[is_shown]).tobytes())
        self._frames.frombytes(numbers[is_shown].tobytes())
        self._dimensions = samples.vectors.shape[1]
        self._file.write(np.ascontiguousarray(samples.vectors[is_shown], np.float32).tobytes())

    def stretches(self) -> tuple[Stretch, ...]:
        """The epochs that have a picture. Their ends are those of the picture: sound may go on after it."""
        found = []
        for number, epoch in sorted(self._epochs.items()):
            span = self._numbers.span(number)
            if span is not None:
                first, last = span
                start = epoch.start_seconds
                found.append(Stretch(start + first, start + max(last, first), epoch.source_seconds + first))
        return tuple(found)

    def finish(self, video: Video) -> Tape:
        """All of it. The looks are mapped from their file, which must stay for as long as the tape is used.

        OSError: the disk does not take the last of them.
        """
        self.close()
        times = np.array(self._times, np.float64)
        return Tape(
            video=video,
            times=times,
            frames=np.array(self._frames, np.int64),
            signals={name: track.samples() for name, track in self._tracks.items()},
            looks=mapped(self._path, len(times), self._dimensions),
        )

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(OSError):  # a full disk, again: what went wrong first counts, and ``finish`` has closed it
            self.close()


def mapped(file: Path, rows: int, dimensions: int) -> npt.NDArray[np.float32]:
    """Looks in a file, float32 (rows, dimensions). ValueError: the file has another size. OSError: it cannot be read."""
    if (size := file.stat().st_size) != rows * dimensions * 4:
        raise ValueError(f"{size} bytes instead of {rows * dimensions * 4}")
    if size == 0:
        return np.empty((rows, dimensions), np.float32)
    looks: npt.NDArray[np.float32] = np.memmap(file, np.float32, "r", shape=(rows, dimensions))
    return looks


def at_most(samples: Samples, a_second: int) -> Samples:
    """Means over cells of 1 / ``a_second``, where there are more samples than that; else the samples themselves."""
    times = samples.times
    if len(times) < 2 or len(times) <= (times[-1] - times[0]) * a_second + 1:
        return samples
    _, place = np.unique(np.floor(times * a_second), return_inverse=True)
    counts = np.bincount(place)
    return Samples(np.bincount(place, times) / counts, np.bincount(place, samples.values) / counts)
