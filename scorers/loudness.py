"""How loud it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stream_processor.records import Pane, Samples, Sound

FRAME_SAMPLES = 2048
HOP_SAMPLES = 512
_BLOCKS = FRAME_SAMPLES // HOP_SAMPLES


def _nothing_heard() -> npt.NDArray[np.float64]:
    return np.full(_BLOCKS - 1, np.nan)


@dataclass
class Tail:
    """What a frame that ends in the next pane needs of the past: at most one frame's worth of sound.

    ``next`` is the index of the next sample, ``sample_rate`` its rate in hertz; ``rest`` float32 (< 512,) the samples of
    the block that is not whole yet; ``energies`` float64 (3,) the sums of squares of the last whole blocks.
    """

    next: int = -1
    sample_rate: int = 0
    rest: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    energies: npt.NDArray[np.float64] = field(default_factory=_nothing_heard)


class Rms:
    """Root mean square of the mono sound over frames of 2048 samples every 512, full scale 1.0.

    The same numbers as ``librosa.feature.rms(center=False)`` at the stream's own rate. A frame belongs to the pane that
    holds its last sample, and has that sample's time; a frame with a hole in it (NaN) gives no sample. Frames start at
    multiples of 512 samples from the epoch's first video frame, wherever the sound itself begins.
    """

    signal = "loudness"

    def start(self) -> Tail:
        return Tail()

    def score(self, batch: Sequence[tuple[Tail, Pane]]) -> list[Samples]:
        return [Samples.none() if pane.sound is None else _score_sound(tail, pane.sound) for tail, pane in batch]


def _score_sound(tail: Tail, sound: Sound) -> Samples:
    if sound.first != tail.next or sound.sample_rate != tail.sample_rate:
        # Nothing is known of what came before: the block that this sound begins inside of is a hole.
        tail.rest = np.full(sound.first % HOP_SAMPLES, np.nan, np.float32)
        tail.energies = _nothing_heard()
    first = sound.first - len(tail.rest)
    samples = np.concatenate([tail.rest, sound.samples])
    whole = len(samples) // HOP_SAMPLES
    blocks = samples[: whole * HOP_SAMPLES].reshape(whole, HOP_SAMPLES)

    # A frame is four blocks: each sample is squared once, and each sum is the same however the sound was cut.
    energies = np.concatenate([tail.energies, np.square(blocks, dtype=np.float64).sum(axis=1)])
    frames = np.add.reduce([energies[at : at + whole] for at in range(_BLOCKS)])
    last_samples = first + (np.arange(whole) + 1) * HOP_SAMPLES - 1

    tail.next = sound.first + len(sound.samples)
    tail.sample_rate = sound.sample_rate
    tail.rest = samples[whole * HOP_SAMPLES :].copy()
    tail.energies = energies[whole:].copy()

    heard = np.isfinite(frames)
    return Samples(last_samples[heard] / sound.sample_rate, np.sqrt(frames[heard] / FRAME_SAMPLES))
