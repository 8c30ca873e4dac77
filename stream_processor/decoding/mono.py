"""Decoded sound, whatever its channels and format, as mono at one rate."""

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler


class Mono:
    """``rate`` in hertz. Not thread-safe."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._resampler: AudioResampler | None = None

    def samples(self, frame: AudioFrame) -> npt.NDArray[np.float32]:
        """float32 (n,), full scale 1.0, mixed down as FFmpeg does it."""
        if self._resampler is None:
            self._resampler = AudioResampler(format="flt", layout="mono", rate=self._rate)
        try:
            blocks = self._resampler.resample(frame)
        except ValueError:  # channels or rate changed within the epoch: what the old set-up still held is a few samples
            self._resampler = AudioResampler(format="flt", layout="mono", rate=self._rate)
            blocks = self._resampler.resample(frame)
        return np.concatenate([block.to_ndarray()[0] for block in blocks]) if blocks else np.empty(0, np.float32)
