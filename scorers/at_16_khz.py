"""Sound as detectors of speech want it: 16 kHz, in chunks of 512 samples, whatever its rate was and however it was cut.

soxr resamples: the same numbers bit for bit however its input is cut into blocks, a small library that needs numpy alone, less
than half a millisecond a second of sound. (scipy's resamplers keep no state, and importing scipy.signal takes seconds.)
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soxr

from stream_processor.finishing.pauses import CHUNK_SECONDS
from stream_processor.records import Sound

RATE = 16000
CHUNK_SAMPLES = round(CHUNK_SECONDS * RATE)

Floats = npt.NDArray[np.float32]


class Part(NamedTuple):
    """Consecutive chunks of one stretch of sound without a hole: ``chunks`` float32 (n, 512), full scale 1.0.

    ``times`` float64 (n,): epoch seconds at which each begins. ``is_new``: with this part the stretch begins.
    """

    is_new: bool
    times: npt.NDArray[np.float64]
    chunks: Floats


class _Stretch:
    """A stretch of sound without a hole, which began at ``first`` / ``rate`` seconds."""

    def __init__(self, first: int, rate: int) -> None:
        self.next = first
        self.rate = rate
        self._start_seconds = first / rate
        self._resampler = soxr.ResampleStream(rate, RATE, 1, dtype="float32")
        self._rest: Floats = np.empty(0, np.float32)
        self._chunks = 0

    def push(self, samples: Floats, *, is_over: bool = False) -> Part:
        """With ``is_over`` all that the resampler still holds; what does not fill a chunk then is left out."""
        self.next += len(samples)
        block = self._resampler.resample_chunk(np.ascontiguousarray(samples, np.float32), last=is_over)
        heard = np.concatenate([self._rest, block])
        whole = len(heard) // CHUNK_SAMPLES
        self._rest = heard[whole * CHUNK_SAMPLES :].copy()
        before, self._chunks = self._chunks, self._chunks + whole
        times = self._start_seconds + CHUNK_SECONDS * np.arange(before, self._chunks, dtype=np.float64)
        return Part(before == 0, times, heard[: whole * CHUNK_SAMPLES].reshape(whole, CHUNK_SAMPLES))


@dataclass
class Listener:
    """What must be remembered between two panes: the stretch that goes on, if one does."""

    stretch: _Stretch | None = field(default=None)

    def hear(self, sound: Sound | None, *, is_last: bool) -> list[Part]:
        """The chunks that are whole now, in order. A part of no chunks is left out.

        A resampler looks ahead: the last of a pane (up to 0.15 s) comes with the next one.
        """
        parts = [] if sound is None else [part for samples, first in _runs(sound) for part in self._hear(samples, first, sound)]
        return [part for part in [*parts, *(self._end() if is_last else ())] if len(part.times)]

    def _hear(self, samples: Floats | None, first: int, sound: Sound) -> Iterator[Part]:
        """``samples`` None: a hole."""
        if self.stretch and (samples is None or (self.stretch.next, self.stretch.rate) != (first, sound.sample_rate)):
            yield from self._end()
        if samples is not None:
            if self.stretch is None:
                self.stretch = _Stretch(first, sound.sample_rate)
            yield self.stretch.push(samples)

    def _end(self) -> Iterator[Part]:
        if self.stretch:
            yield self.stretch.push(np.empty(0, np.float32), is_over=True)
        self.stretch = None


def _runs(sound: Sound) -> Iterator[tuple[Floats | None, int]]:
    """What is heard and what is not (None), in turns, each with the index of its first sample."""
    heard = np.isfinite(sound.samples)
    edges = [0, *(np.flatnonzero(heard[1:] != heard[:-1]) + 1).tolist(), len(heard)]
    for begin, end in pairwise(edges):
        if begin < end:
            yield (sound.samples[begin:end] if heard[begin] else None), sound.first + begin
