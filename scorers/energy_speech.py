"""Speech by its loudness alone: what stands out of the background in the band of voices. No weights.

The classical detector: energy against an adaptive threshold, as L. R. Rabiner and M. R. Sambur have it ("An algorithm for
determining the endpoints of isolated utterances", Bell System Technical Journal 54, 1975), over the telephone's band; the
background is the least that was heard lately, after R. Martin ("Noise power spectral density estimation based on optimal
smoothing and minimum statistics", IEEE Trans. Speech and Audio Processing 9, 2001), without his bias correction. It cannot tell
a voice from any other sound that comes and goes: a pause is then a quiet moment, which is what a boundary needs.
"""

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from scorers.at_16_khz import CHUNK_SAMPLES, RATE

LOWEST_HZ, HIGHEST_HZ = 300.0, 3400.0
QUIETEST_DB = -60.0
"""Below full scale: no background counts as quieter, so that what nobody would hear does not stand out of it."""

FIRST_BACKGROUND_DB = -50.0
"""Taken for the background until ``BACKGROUND_CHUNKS`` were heard, where nothing quieter was."""

BACKGROUND_CHUNKS = 190
"""About 6 s: some pause to breathe falls into it."""

SMOOTH_CHUNKS = 3
"""Over so many chunks the background's level is averaged before the least of it counts."""

EVEN_DB, SLOPE_DB = 10.0, 2.5
"""So much above the background speech is as likely as not; a step further, by 2.7 to 1."""

SUREST = 0.8
"""What comes and goes may be music or a door: louder does not make it more of a voice."""

HANG_CHUNKS = 4
"""About 0.13 s: the closed lips of a "p" within a word are no pause."""

Floats = npt.NDArray[np.float64]

_BAND = slice(math.ceil(LOWEST_HZ * CHUNK_SAMPLES / RATE), math.floor(HIGHEST_HZ * CHUNK_SAMPLES / RATE) + 1)
"""Of the spectrum's bins. Not a mask: that would turn rows and columns round, and sums be rounded by the number of rows."""
_WINDOW = np.hanning(CHUNK_SAMPLES)


@dataclass
class Background:
    """``levels``: the last few in decibels; ``smooth``: their sliding means; ``raw``: the last probabilities."""

    levels: deque[float] = field(default_factory=lambda: deque(maxlen=SMOOTH_CHUNKS))
    smooth: deque[float] = field(
        default_factory=lambda: deque([FIRST_BACKGROUND_DB] * BACKGROUND_CHUNKS, maxlen=BACKGROUND_CHUNKS)
    )
    raw: deque[float] = field(default_factory=lambda: deque(maxlen=HANG_CHUNKS))


class EnergySpeech:
    """0 to ``SUREST``: how far the level in the band of voices stands out of the background, put through a logistic function.

    About 0.5 ms of one core a second of sound, resampling included.
    """

    name = "energy"

    def start(self) -> Background:
        return Background()

    def probabilities(self, background: Background, chunks: npt.NDArray[np.float32]) -> Floats:
        """``chunks`` float32 (n, 512) at 16 kHz, in order. Float64 (n,), 0 to ``SUREST``."""
        return np.array([_probability(background, level) for level in levels_db(chunks).tolist()], np.float64)


def levels_db(chunks: npt.NDArray[np.float32]) -> Floats:
    """Float64 (n,): the mean power in the band, in decibels below that of a full-scale square wave, at least −100."""
    spectra = np.abs(np.fft.rfft(chunks * _WINDOW, axis=1)) ** 2
    power = 2 * spectra[:, _BAND].sum(axis=1) / (CHUNK_SAMPLES * np.square(_WINDOW).sum())
    levels: Floats = 10 * np.log10(np.maximum(power, 1e-10))
    return levels


def _probability(background: Background, level_db: float) -> float:
    background.levels.append(level_db)
    background.smooth.append(sum(background.levels) / len(background.levels))
    above_db = level_db - max(min(background.smooth), QUIETEST_DB)
    background.raw.append(1 / (1 + math.exp((EVEN_DB - above_db) / SLOPE_DB)))
    return min(max(background.raw), SUREST)
