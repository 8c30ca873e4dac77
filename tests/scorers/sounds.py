"""Sound for scorers' tests, and what a scorer says of it when it comes in panes."""

import wave
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from stream_processor.contracts import Scorer
from stream_processor.records import Pane, Samples, Sound

Floats = npt.NDArray[np.float32]


def read_wave(path: Path) -> tuple[Floats, int]:
    """Mono samples of 16 bits, and their rate in hertz."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768, file.getframerate()


def read_media(path: Path, *, rate: int = 48000) -> Floats:
    """The first sound of a recording, mixed down to mono."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    with av.open(str(path)) as container:
        blocks = [block for frame in container.decode(audio=0) for block in resampler.resample(frame)]
    return np.concatenate([block.to_ndarray()[0] for block in blocks])


def tone(seconds: float, rate: int, *, hertz: float = 440.0, level: float = 0.3) -> Floats:
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(seconds: float, rate: int, *, level: float = 0.1) -> Floats:
    return np.random.default_rng(0).normal(0, level, round(seconds * rate)).astype(np.float32)


def heard(scorer: Scorer, sound: Floats, rate: int, *, cuts: Sequence[int] = (), first: int = 0) -> Samples:
    """What it says of ``sound``, which comes in panes that end at ``cuts`` (samples) and at its end."""
    memory, parts = scorer.start(), []
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(sound)}), len(sound)]
    for number, (begin, end) in enumerate(pairwise(edges)):
        block = Sound(first + begin, rate, sound[begin:end])
        pane = Pane(0, number, begin / rate, (end - begin) / rate, None, None, block, is_last=end == len(sound))
        parts += scorer.score([(memory, pane)])
    return Samples(np.concatenate([part.times for part in parts]), np.concatenate([part.values for part in parts]))


def each_second(sound: Floats, rate: int) -> range:
    return range(rate, len(sound), rate)
