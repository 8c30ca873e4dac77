"""What each second sounds like, for comparing one moment with another."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from stream_processor.records import Pane, Samples, Sound

FRAME_SECONDS, FRAMES = 0.064, 30
"""Length of a frame, and how many begin in each second."""
BANDS = 32
LOWEST_HERTZ, HIGHEST_HERTZ = 60.0, 8000.0
COEFFICIENTS = 16
HOLES = 0.1
"""Part of a second that may be missing."""
FLOOR_DB = -70.0
"""Below full scale: a band with less says nothing more, and a second without a band above it has no timbre."""

Floats = npt.NDArray[np.float64]


@dataclass
class Rest:
    """The samples of the second that is not whole yet: ``second`` is its number, at ``sample_rate`` hertz."""

    sample_rate: int = 0
    second: int = 0
    samples: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))


class Timbre:
    """One vector for each whole second of sound: its mel-frequency cepstrum and how that moves, of length one.

    Mean and standard deviation of the cepstral coefficients 1 to 16 over the second (S. Davis and P. Mermelstein, "Comparison of
    parametric representations for monosyllabic word recognition", IEEE Trans. ASSP 28, 1980), from 32 mel bands between 60 Hz
    and 8 kHz. Coefficient 0, how loud it is, is left out: a repeat may be louder. The value is the second's root mean square,
    full scale 1.0; the time its middle. A second without a sound, or with a tenth of it missing, has no sample.
    """

    signal = "timbre"
    keeps = "samples"

    def start(self) -> Rest:
        return Rest()

    def score(self, batch: Sequence[tuple[Rest, Pane]]) -> list[Samples]:
        return [Samples.none() if pane.sound is None else _score(rest, pane.sound) for rest, pane in batch]


def _score(rest: Rest, sound: Sound) -> Samples:
    rate = sound.sample_rate
    if rate != rest.sample_rate or sound.first != rest.second * rate + len(rest.samples):
        rest.sample_rate = rate
        rest.second, inside = divmod(sound.first, rate)
        rest.samples = np.full(inside, np.nan, np.float32)
    samples = np.concatenate([rest.samples, sound.samples])
    times, values, vectors = [], [], []
    while len(samples) >= rate:
        is_whole = np.isnan(samples[:rate]).mean() <= HOLES
        second, samples = np.nan_to_num(samples[:rate]).astype(np.float64), samples[rate:]
        vector = describe(second, rate) if is_whole else None
        if vector is not None:
            times.append(rest.second + 0.5)
            values.append(float(np.sqrt(np.square(second).mean())))
            vectors.append(vector)
        rest.second += 1
    rest.samples = samples.copy()
    return Samples(np.array(times), np.array(values), np.array(vectors, np.float32)) if times else Samples.none()


def describe(second: Floats, sample_rate: int) -> Floats | None:
    """float64 (2 * COEFFICIENTS,) of length one for one second of mono sound; None: there is nothing to hear."""
    length = round(FRAME_SECONDS * sample_rate)
    starts = np.linspace(0, len(second) - length, FRAMES).astype(np.int64)
    frames = second[starts[:, None] + np.arange(length)] * np.hanning(length)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1))) / np.square(np.hanning(length).sum())
    decibels = 10 * np.log10(np.maximum(power @ _bands(length, sample_rate).T, 10 ** (FLOOR_DB / 10)))
    if decibels.max() <= FLOOR_DB:
        return None
    cepstrum = decibels @ _cosines().T
    vector = np.concatenate([cepstrum.mean(axis=0), cepstrum.std(axis=0)])
    size = float(np.linalg.norm(vector))
    return vector / size if size > 0 else None


@lru_cache(maxsize=8)
def _bands(length: int, sample_rate: int) -> Floats:
    """(BANDS, length // 2 + 1): triangles, evenly spaced in mel (O'Shaughnessy's), as parts of the power. Those above half the
    sampling rate are empty."""
    edges = _hertz(np.linspace(_mel(LOWEST_HERTZ), _mel(HIGHEST_HERTZ), BANDS + 2))
    hertz = np.fft.rfftfreq(length, 1 / sample_rate)
    rising = (hertz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hertz) / (edges[2:] - edges[1:-1])[:, None]
    triangles: Floats = np.maximum(np.minimum(rising, falling), 0)
    return triangles


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


def _hertz(mel: Floats) -> Floats:
    hertz: Floats = 700 * (10 ** (mel / 2595) - 1)
    return hertz


@lru_cache(maxsize=1)
def _cosines() -> Floats:
    """(COEFFICIENTS, BANDS): the discrete cosine transform without its first row."""
    order = np.arange(1, COEFFICIENTS + 1)[:, None]
    cosines: Floats = np.cos(np.pi * order * (np.arange(BANDS) + 0.5) / BANDS) * np.sqrt(2 / BANDS)
    return cosines
