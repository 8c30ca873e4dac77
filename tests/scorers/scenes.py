"""Material for scorers' tests: a scene that can be rendered at any size and rate, and cut into panes anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from stream_processor.records import Frames, Pane, Pictures, Sound


@dataclass(frozen=True)
class Scene:
    """A soft texture that slides to the right at ``speed`` frame heights a second, under a tone.

    Everything is a smooth function of place and time, so that any size and rate shows the same scene.
    """

    speed: float = 0.1
    seconds: float = 4.0
    height: int = 36
    fps: float = 5.0
    picture_size: int = 32
    picture_fps: float = 2.0
    sample_rate: int = 8000
    seed: int = 0

    def plane(self, height: int, times: npt.NDArray[np.float64], channel: int) -> npt.NDArray[np.float64]:
        """(n, height, height * 2), around 128, for one colour channel."""
        random = np.random.default_rng(self.seed * 10 + channel)
        y = (np.arange(height) + 0.5)[:, None] / height
        x = (np.arange(height * 2) + 0.5)[None, :] / height
        moved = x[None] - self.speed * times[:, None, None]
        waves = random.uniform(5, 40, (6, 2)) * random.choice([-1, 1], (6, 2))
        phases = random.uniform(0, 2 * np.pi, 6)
        total = sum(np.sin(a * moved + b * y[None] + phase) for (a, b), phase in zip(waves, phases, strict=True))
        return 128 + 18 * np.asarray(total)

    def frames(self) -> Frames:
        times = np.arange(0, self.seconds, 1 / self.fps)
        luma = self.plane(self.height, times, 0)
        chroma = [self.plane(self.height // 2, times, channel).reshape(len(times), -1) for channel in (1, 2)]
        rows = np.concatenate([luma.reshape(len(times), -1), *chroma], axis=1)
        return Frames(times, np.clip(rows, 0, 255).astype(np.uint8).reshape(len(times), self.height * 3 // 2, self.height * 2))

    def pictures(self) -> Pictures:
        times = np.arange(0, self.seconds, 1 / self.picture_fps)
        channels = [self.plane(self.picture_size, times, channel) for channel in range(3)]
        return Pictures(times, np.clip(np.stack(channels, axis=-1), 0, 255).astype(np.uint8))

    def sound(self) -> Sound:
        times = np.arange(int(self.seconds * self.sample_rate)) / self.sample_rate
        wave = np.sin(2 * np.pi * 220 * times) * (0.2 + 0.1 * np.sin(times))
        return Sound(first=0, sample_rate=self.sample_rate, samples=wave.astype(np.float32))

    def panes(self, cuts: Sequence[float] = ()) -> list[Pane]:
        """The scene as panes that end at ``cuts`` (seconds) and at its end."""
        return cut(self.frames(), self.pictures(), self.sound(), cuts, self.seconds)


def cut(frames: Frames, pictures: Pictures, sound: Sound, cuts: Sequence[float], seconds: float) -> list[Pane]:
    edges = [0.0, *sorted(set(cuts) - {0.0, seconds}), seconds]
    panes = []
    for number, (start, end) in enumerate(pairwise(edges)):
        shown = (frames.times >= start) & (frames.times < end)
        embedded = (pictures.times >= start) & (pictures.times < end)
        first, stop = (round(edge * sound.sample_rate) for edge in (start, end))
        panes.append(
            Pane(
                epoch=0,
                number=number,
                start_seconds=start,
                duration_seconds=end - start,
                frames=Frames(frames.times[shown], frames.planes[shown]),
                pictures=Pictures(pictures.times[embedded], pictures.rgb[embedded]),
                sound=Sound(first, sound.sample_rate, sound.samples[first:stop]),
                is_last=end == seconds,
            )
        )
    return panes


def black(seconds: float = 3.0) -> list[Pane]:
    """Black and silence, in panes of one second."""
    times = np.arange(0, seconds, 0.2)
    planes = np.full((len(times), 54, 64), 128, np.uint8)
    planes[:, :36] = 16
    frames = Frames(times, planes)
    pictures = Pictures(times[::5], np.zeros((len(times[::5]), 32, 57, 3), np.uint8))
    sound = Sound(0, 8000, np.zeros(int(8000 * seconds), np.float32))
    return cut(frames, pictures, sound, [float(second) for second in range(1, int(seconds))], seconds)
