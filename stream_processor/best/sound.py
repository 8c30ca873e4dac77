"""A clip's sound: decoded, trimmed to the sample, faded in and out at the edges, for an AAC encoder."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt

from stream_processor.best.excerpts import encoded
from stream_processor.records import Packet

Float32s = npt.NDArray[np.float32]

_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
"""What AAC knows; anything else becomes 48 kHz."""
_LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "7.1")
"""What AAC and players know by name; anything else becomes stereo. AC-3 and DTS call the same ones ``5.1(side)`` and so on."""
_SLIP_SECONDS = 0.005
"""Containers round timestamps: sound that is off by less goes on where the sound before it ended, without a click."""
_BLOCK = 1024


class SoundExcerpt:
    """Collects [start, end), in video seconds. Packets for ``decoder``; their time plus ``shift_seconds`` is the video's."""

    def __init__(self, decoder: Any, *, start_seconds: float, end_seconds: float, shift_seconds: float) -> None:
        self._decoder = decoder
        self._start_seconds = start_seconds
        self._shift_seconds = shift_seconds
        self.rate = decoder.sample_rate if decoder.sample_rate in _RATES else 48000
        name = decoder.layout.name.removesuffix("(side)")
        self.layout = name if name in _LAYOUTS else "mono" if decoder.layout.nb_channels == 1 else "stereo"
        channels = av.AudioLayout(self.layout).nb_channels
        self._samples = np.zeros((channels, round((end_seconds - start_seconds) * self.rate)), np.float32)
        self._resampler = self._new_resampler()
        self._next: int | None = None
        self.heard = False
        """Some of it lies in the clip."""

    def push(self, packet: Packet | None) -> None:
        """None: there are no more. What cannot be decoded stays silence."""
        try:
            frames = self._decoder.decode(encoded(packet))
        except av.error.FFmpegError:
            return
        for frame in [*frames, *([None] if packet is None else [])]:
            if frame is not None and frame.pts is None:
                continue
            if frame is not None and packet is not None:
                frame.time_base = packet.time_base
            for block in self._resampled(frame):
                self._lay(block)

    def samples(self, start_seconds: float, lasts_seconds: float, fade_seconds: float) -> Float32s:
        """float32 (channels, n), full scale 1.0, of [start, start + lasts), faded over ``fade_seconds`` at both ends."""
        skip = max(0, round((start_seconds - self._start_seconds) * self.rate))
        return faded(self._samples[:, skip : skip + round(lasts_seconds * self.rate)], round(fade_seconds * self.rate))

    def _new_resampler(self) -> Any:
        return av.AudioResampler(format="fltp", layout=self.layout, rate=self.rate)

    def _resampled(self, frame: Any) -> list[Any]:
        try:
            return list(self._resampler.resample(frame))
        except (ValueError, av.error.FFmpegError):  # channels or rate changed in mid-stream
            self._resampler = self._new_resampler()
            return [] if frame is None else list(self._resampler.resample(frame))

    def _lay(self, block: Any) -> None:
        if block.pts is None:
            return
        seconds = float(block.pts * block.time_base) + self._shift_seconds - self._start_seconds
        first = round(seconds * self.rate)
        if self._next is not None and abs(first - self._next) <= _SLIP_SECONDS * self.rate:
            first = self._next
        samples = block.to_ndarray()
        self._next = first + samples.shape[1]
        low, high = max(first, 0), min(self._next, self._samples.shape[1])
        if low < high:
            self._samples[:, low:high] = samples[:, low - first : high - first]
            self.heard = True


def faded(samples: Float32s, length: int) -> Float32s:
    """A copy of (channels, n) that rises from silence over ``length`` samples and falls back to it, as a raised cosine."""
    result = samples.copy()
    length = min(length, samples.shape[1] // 2)
    if length > 0:
        rise = (0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)).astype(np.float32)
        result[:, :length] *= rise
        result[:, -length:] *= rise[::-1]
    return result


def encode_sound(output: Any, samples: Float32s, *, rate: int, layout: str) -> Iterator[Any]:
    """Packets of a new AAC stream of ``output``, the first sample at 0 s."""
    stream = output.add_stream("aac", rate=rate, layout=layout, options={"b": f"{min(96 * len(samples), 512)}k"})
    for first in range(0, samples.shape[1], _BLOCK):
        block = np.ascontiguousarray(samples[:, first : first + _BLOCK])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
        yield from stream.encode(frame)
    yield from stream.encode(None)
