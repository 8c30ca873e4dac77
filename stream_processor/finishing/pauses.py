"""Where nobody speaks: the pauses in a trace of speech probabilities. Pure.

::

    probability  ▁▁▁▅███▇▂▂███▅▁▁▁▁▁▁▁▆████▃▃▄██
    quiet        ───      ──    ───────              below the threshold by ``HYSTERESIS``
    pauses       ───            ───────              quiet for long enough: the gap in between is one within words
    usable        ─              ─────               less ``WORD_PAD_SECONDS`` beside words
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stream_processor.records import Samples

CHUNK_SECONDS = 0.032
"""One sample of the trace says how likely there is speech from its time on for so long: 512 samples at 16 kHz."""

HYSTERESIS = 0.15
"""A word that has begun goes on until its probability is so far below the threshold, as Silero VAD's documentation has it."""

WORD_PAD_SECONDS = 0.03
"""Words begin a little before they are recognised, and fade: so much beside them is not cut in, as Silero pads them."""

_ROUNDING = 1e-6


class Pause(NamedTuple):
    """[start, end] in seconds, in which a cut cuts no word."""

    start: float
    end: float

    def has(self, seconds: float) -> bool:
        return self.start <= seconds <= self.end


def pauses(trace: Samples, *, threshold: float, min_seconds: float, pad_seconds: float = WORD_PAD_SECONDS) -> list[Pause]:
    """The pauses of at least ``min_seconds`` between the trace's first sample and its last, in order, each less the padding.

    Where samples are missing in between (a hole in the sound) there is nothing to be cut: it counts as quiet.
    """
    if not len(trace.times):
        return []
    spoken = trace.times[trace.values >= threshold - HYSTERESIS]
    begins = np.concatenate([[trace.times[0]], spoken + CHUNK_SECONDS])
    ends = np.concatenate([spoken, [trace.times[-1] + CHUNK_SECONDS]])
    is_long = ends - begins >= min_seconds - _ROUNDING
    found = (
        Pause(begin + pad_seconds, end - pad_seconds)
        for begin, end in zip(begins[is_long].tolist(), ends[is_long].tolist(), strict=True)
    )
    return [pause for pause in found if pause.start <= pause.end]


def is_spoken_at(seconds: float, trace: Samples, found: Sequence[Pause], *, threshold: float) -> bool:
    """Whether between the pauses before and after ``seconds`` somebody speaks. False where the trace does not reach."""
    if not _is_known(seconds, trace.times) or any(pause.has(seconds) for pause in found):
        return False
    after = max((pause.end for pause in found if pause.end < seconds), default=-np.inf)
    before = min((pause.start for pause in found if pause.start > seconds), default=np.inf)
    between = (trace.times + CHUNK_SECONDS > after) & (trace.times < before)
    return bool((trace.values[between] >= threshold).any())


def _is_known(seconds: float, times: npt.NDArray[np.float64]) -> bool:
    return bool(len(times)) and bool(times[0] <= seconds <= times[-1] + CHUNK_SECONDS)
