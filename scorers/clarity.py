"""How clear the sound is: speech or music, against clipping and noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from scorers.at_16_khz import CHUNK_SAMPLES, RATE, Listener, Part
from scorers.clipping import ClipCounter
from stream_processor.finishing.pauses import CHUNK_SECONDS
from stream_processor.records import Pane, Samples, Sound

WINDOW_CHUNKS = 48
HOP_CHUNKS = 16
"""A value every half second (0.512 s) of one and a half (1.536 s): long enough for a pause or a beat to fall into it."""

LOWEST_HZ, HIGHEST_HZ = 100.0, 3800.0
"""Where flatness is measured: what every sampling rate from 8 kHz on holds, and where voices and most notes lie."""

NOISE_FLATNESS = 0.5
"""White noise has about 0.56 in so short a spectrum; from here on sound counts as noise."""

CLEAR_DB = 30.0
"""Between the quiet and the loud tenth of a window: from here on nothing is lost in noise."""

CLIPPED_SHARE = 0.02
"""Of the samples: from here on nothing is left of clarity."""

QUIET_DB, HEARD_DB = -60.0, -45.0
"""Below full scale: a window whose loud tenth is below the first has no clarity, from the second on it has all of it."""

Floats = npt.NDArray[np.float64]

_BAND = slice(math.ceil(LOWEST_HZ * CHUNK_SAMPLES / RATE), math.floor(HIGHEST_HZ * CHUNK_SAMPLES / RATE) + 1)
"""Of the spectrum's bins. Not a mask: that would turn rows and columns round, and sums be rounded by the number of rows."""
_WINDOW = np.hanning(CHUNK_SAMPLES)


@dataclass
class Lately:
    """The sound between two panes, and of the stretch that goes on the chunks that may belong to a window to come.

    ``times`` float64 (n,), ``features`` float64 (n, 3): power, flatness and share of clipped samples of each; n < 48.
    """

    listener: Listener = field(default_factory=Listener)
    clipped: ClipCounter = field(default_factory=ClipCounter)
    times: Floats = field(default_factory=lambda: np.empty(0))
    features: Floats = field(default_factory=lambda: np.empty((0, 3)))


class Clarity:
    """0 (silence, noise, or clipped throughout) to 1 (clear), every 0.512 s over 1.536 s, at the window's middle::

        clarity = heard · (1 − noise) · (1 − clipped)
        noise   = flat · steady        noise is both: a note is not flat, a voice stands out of its background

    - flat: spectral flatness, the geometric over the arithmetic mean of the power spectrum (J. D. Johnston, "Transform coding of
      audio signals using perceptual noise criteria", IEEE JSAC 6, 1988), over 100–3800 Hz, the mean over the window's chunks of
      32 ms weighted with their power, as a share of ``NOISE_FLATNESS``
    - steady: one minus the difference between the 90th and the 10th percentile of the chunks' levels, as a share of 30 dB: a
      signal-to-noise ratio by percentiles of short-time energy
    - clipped: the share of samples in runs at full scale, as a share of ``CLIPPED_SHARE``; of sound that was made mono before:
      what is clipped in one channel alone may escape
    - heard: from 0 at −60 dB to 1 at −45 dB below full scale, by the 90th percentile of the levels

    A window with a hole in it has no value. About 0.6 ms of one core a second of sound.
    """

    signal = "clarity"
    keeps = "samples"

    def start(self) -> Lately:
        return Lately()

    def score(self, batch: Sequence[tuple[Lately, Pane]]) -> list[Samples]:
        return [_score(lately, pane.sound, is_last=pane.is_last) for lately, pane in batch]


def _score(lately: Lately, sound: Sound | None, *, is_last: bool) -> Samples:
    if sound is not None:
        lately.clipped.count(sound)
    found = [_windows(lately, part) for part in lately.listener.hear(sound, is_last=is_last)]
    times, values = [time for time, _ in found], [value for _, value in found]
    return Samples(np.concatenate(times), np.concatenate(values)) if found else Samples.none()


def _windows(lately: Lately, part: Part) -> tuple[Floats, Floats]:
    """Times and values of the windows that are whole with this part."""
    if part.is_new:
        lately.times, lately.features = np.empty(0), np.empty((0, 3))
    power, flatness = spectra(part.chunks)
    clipped = lately.clipped.shares(part.times)
    times = np.concatenate([lately.times, part.times])
    features = np.concatenate([lately.features, np.stack([power, flatness, clipped], axis=1)])
    begins = range(0, max(len(times) - WINDOW_CHUNKS + 1, 0), HOP_CHUNKS)
    left = len(begins) * HOP_CHUNKS
    lately.times, lately.features = times[left:].copy(), features[left:].copy()
    middles = times[: left or 0 : HOP_CHUNKS] + WINDOW_CHUNKS * CHUNK_SECONDS / 2
    return middles, np.array([clarity(*features[begin : begin + WINDOW_CHUNKS].T) for begin in begins], np.float64)


def spectra(chunks: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Of each chunk (n, 512) the mean power, full scale 1.0, and its spectral flatness in the band, 0 to 1 (silence: 1)."""
    power = np.square(chunks, dtype=np.float64).mean(axis=1)
    spectrum = np.abs(np.fft.rfft(chunks * _WINDOW, axis=1))[:, _BAND] ** 2 + 1e-12
    flatness: Floats = np.exp(np.log(spectrum).mean(axis=1)) / spectrum.mean(axis=1)
    return power, flatness


def clarity(power: Floats, flatness: Floats, clipped: Floats) -> float:
    """Of one window, by its chunks."""
    levels_db = 10 * np.log10(power + 1e-10)
    quiet_db, loud_db = np.percentile(levels_db, [10, 90])
    heard = _share(loud_db - QUIET_DB, HEARD_DB - QUIET_DB)
    flat = _share(float((flatness * power).sum() / (power.sum() + 1e-10)), NOISE_FLATNESS)
    steady = 1 - _share(loud_db - quiet_db, CLEAR_DB)
    return heard * (1 - flat * steady) * (1 - _share(float(clipped.mean()), CLIPPED_SHARE))


def _share(value: float, whole: float) -> float:
    return float(min(max(value / whole, 0.0), 1.0))
