"""A film's sampled pictures and its sound, decoded beforehand and held in memory at full size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler
from av.video.reformatter import VideoReformatter

from benchmarks.sampled import FPS, Image, luma, sampled
from stream_processor.frames import analysis_size
from stream_processor.records import Frames, Pane, Pictures, Sound

PICTURE_SIDE = 224
"""Pixels of the shorter side of what CLIP looks at."""


@dataclass(frozen=True)
class Footage:
    """``times`` float64 (n,) in seconds; ``frames`` as they were decoded; ``sound`` float32 (m,), mono, ``rate`` a second.

    ``pictures`` uint8 (height, width, 3) with a shorter side of 224, one for each frame. ``analysis_height`` is the program's.
    """

    times: npt.NDArray[np.float64]
    frames: Sequence[Any]
    pictures: Sequence[Image]
    sound: npt.NDArray[np.float32]
    rate: int
    analysis_height: int

    @property
    def seconds(self) -> float:
        """Whole seconds that it has pictures for."""
        return float(int(self.times[-1] + 1.5 / FPS))

    @property
    def height(self) -> int:
        return int(self.frames[0].height)

    def luma(self, number: int) -> Image:
        """uint8 (height, width), full size: a view."""
        return luma(self.frames[number])

    def small(self, number: int) -> Image:
        """uint8 (h * 3 / 2, w): I420 at the size of analysis, scaled as the program does it."""
        return _small(VideoReformatter(), self.frames[number], self.analysis_height)

    def panes(self, *, pictures: bool) -> Iterator[Pane]:
        """Panes of a second, scaled when they are asked for. ``pictures``: those for CLIP too, scaled from full size as well."""
        scaler, picture_scaler = VideoReformatter(), VideoReformatter()
        count = int(self.seconds)
        for number in range(count):
            inside = np.flatnonzero((self.times >= number) & (self.times < number + 1))
            planes = np.array([_small(scaler, self.frames[at], self.analysis_height) for at in inside])
            rgb = [rgb_picture(picture_scaler, self.frames[at]) for at in inside] if pictures else []
            first, stop = number * self.rate, (number + 1) * self.rate
            yield Pane(
                epoch=0,
                number=number,
                start_seconds=float(number),
                duration_seconds=1.0,
                frames=Frames(self.times[inside], planes),
                pictures=Pictures(self.times[inside], np.array(rgb)) if pictures else None,
                sound=Sound(first, self.rate, self.sound[first:stop]) if self.rate else None,
                is_last=number == count - 1,
            )


def footage(path: Path, seconds: float, analysis_height: int, *, pictures: bool) -> Footage:
    """The first so many seconds. A 1080p film takes 16 MB a second."""
    found = list(sampled(path, at_most_seconds=seconds))
    scaler = VideoReformatter()
    rate, sound = _sound(path, seconds)
    return Footage(
        times=np.array([moment for moment, _ in found]),
        frames=[frame for _, frame in found],
        pictures=[rgb_picture(scaler, frame) for _, frame in found] if pictures else [],
        sound=sound,
        rate=rate,
        analysis_height=analysis_height,
    )


def rgb_picture(scaler: VideoReformatter, frame: Any) -> Image:
    """uint8 (height, width, 3) with a shorter side of 224, as the program hands it to CLIP."""
    scale = PICTURE_SIDE / min(frame.height, frame.width)
    width, height = max(round(frame.width * scale), PICTURE_SIDE), max(round(frame.height * scale), PICTURE_SIDE)
    picture: Image = scaler.reformat(frame, width=width, height=height, format="rgb24", interpolation="BICUBIC").to_ndarray()
    return picture


def _small(scaler: VideoReformatter, frame: Any, analysis_height: int) -> Image:
    height, width = analysis_size(frame.width, frame.height, analysis_height)
    small: Image = scaler.reformat(frame, width=width, height=height, format="yuv420p", interpolation="AREA").to_ndarray()
    return small


def _sound(path: Path, seconds: float) -> tuple[int, npt.NDArray[np.float32]]:
    """Rate and samples from the first one on, silence after their end; rate 0: there is none."""
    with av.open(str(path)) as container:
        stream: Any = container.streams.best("audio")
        if stream is None:
            return 0, np.empty(0, np.float32)
        rate = int(stream.rate)
        resampler = AudioResampler(format="flt", layout="mono", rate=rate)
        samples = np.zeros(int(seconds * rate) + rate, np.float32)
        filled = 0
        for frame in container.decode(stream):
            for mono in resampler.resample(frame):
                block = mono.to_ndarray()[0][: len(samples) - filled]
                samples[filled : filled + len(block)] = block
                filled += len(block)
            if filled == len(samples):
                break
    return rate, samples
