"""Whether what is heard goes on without a pause, as music does, or somebody speaks, or something happens.

The share of low-energy frames, as E. Scheirer and M. Slaney have it ("Construction and evaluation of a robust multifeature
speech/music discriminator", ICASSP 1997): frames with less than half the mean level of the second that they lie in. Music has
few however it swells, speech has many, and in a second without any sound everything is pause. Three things are looked at
besides, each of them so that nothing that somebody says or shouts passes for music: a few seconds of it in half a minute, a
second far louder than the others, and anything above a hum, which no more is music than silence is.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from stream_processor.records import Sound

FRAMES = 50
"""In a second; each is judged by its root mean square."""
LOW = 0.5
SILENCE = 10 ** (-55 / 20)
"""Of full scale: a second below it has no sound."""
SOUND_OF_SILENCE = 0.05
"""Share of seconds with sound in them up to which it is silent."""

# All measured in docs/detection.md.
PAUSES_OF_MUSIC = 0.25
"""Share of pauses above which somebody speaks, or something happens."""
STRETCH_SECONDS, PAUSES_OF_A_STRETCH = 5, 0.35
"""The same of any so many seconds in a row."""
OUTCRY, MOST_OF_THE_TIME = 4.0, 0.85
"""A second so many times as loud as it is most of the time is no music that swells."""
STEADY, STEADY_SHARE, GAPS = 0.25, 0.5, 0.1
"""A hum: for more than this share of the time the level of its slopes is no further than this from their median, and hardly ever
below."""
ABOVE_HUM = 1.5

Levels = npt.NDArray[np.float32]
Heard = Literal["silence", "unbroken", "broken"]


@dataclass(frozen=True)
class _Second:
    """The levels of its frames, and those of the slope from each sample to the next, in which also a deep rumble is steady."""

    number: int
    levels: Levels
    slopes: Levels


@dataclass
class Pauses:
    """The last seconds of one epoch's sound: ``seconds`` of them, and what came with the newest."""

    seconds: int
    _rate: int = 0
    _rest: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    _second: int = 0
    """The number of the second that ``_rest`` belongs to."""
    _known: deque[_Second] = field(default_factory=deque)
    _was: tuple[list[int], Heard] = field(default_factory=lambda: ([], "silence"))
    """The seconds that were asked for last, and what they were: pictures ask several times a second."""

    def hear(self, sound: Sound) -> None:
        """The next sound. What does not adjoin begins anew with the next whole second."""
        at = self._second * self._rate + len(self._rest)
        if sound.sample_rate != self._rate or sound.first != at:
            self._rate = sound.sample_rate
            self._second, inside = divmod(sound.first, self._rate)
            self._rest = np.full(inside, np.nan, np.float32)
        while self._known and self._known[0].number < self._second - self.seconds:
            self._known.popleft()
        samples = np.concatenate([self._rest, sound.samples])
        while len(samples) >= self._rate:
            self._known.append(_second(self._second, samples[: self._rate]))
            self._second += 1
            samples = samples[self._rate :]
        self._rest = samples.copy()

    def heard(self, now_seconds: float) -> Heard:
        """What the whole seconds before ``now_seconds`` (epoch time) were; without any: silence.

        For times in the newest sound; what is older is known no longer than for that.
        """
        known = [each for each in self._known if now_seconds - self.seconds < each.number + 1 <= now_seconds]
        numbers = [each.number for each in known]
        if numbers != self._was[0]:
            self._was = numbers, _heard(known) if known else "silence"
        return self._was[1]


def _heard(known: Sequence[_Second]) -> Heard:
    levels, slopes = np.array([each.levels for each in known]), np.array([each.slopes for each in known])
    means = levels.mean(axis=1)
    is_sound, hum = means > SILENCE, _hum(slopes)
    if hum is not None:
        is_sound &= slopes.max(axis=1) > ABOVE_HUM * hum
    if np.mean(is_sound) <= SOUND_OF_SILENCE:
        return "silence"
    if hum is not None or means.max() > OUTCRY * np.quantile(means, MOST_OF_THE_TIME):
        return "broken"
    pauses = np.where(is_sound, np.mean(levels < LOW * means[:, None], axis=1), 1.0)
    stretches = [pauses[first : first + STRETCH_SECONDS].mean() for first in range(len(pauses) - STRETCH_SECONDS + 1)]
    is_broken = pauses.mean() > PAUSES_OF_MUSIC or max(stretches, default=0.0) > PAUSES_OF_A_STRETCH
    return "broken" if is_broken else "unbroken"


def _second(number: int, samples: npt.NDArray[np.float32]) -> _Second:
    """A hole is a pause."""
    whole = np.nan_to_num(samples)
    return _Second(number, _levels(whole), _levels(np.diff(whole, prepend=whole[:1])))


def _levels(samples: npt.NDArray[np.float32]) -> Levels:
    length = len(samples) // FRAMES
    frames = samples[: length * FRAMES].reshape(FRAMES, length)
    levels: Levels = np.sqrt(np.square(frames, dtype=np.float64).mean(axis=1)).astype(np.float32)
    return levels


def _hum(slopes: Levels) -> float | None:
    """The level of a noise that goes on all the time, or of silence; None: there is none."""
    middle = float(np.median(slopes))
    is_below = slopes < (1 - STEADY) * middle
    is_above = slopes > (1 + STEADY) * middle
    is_steady = 1 - np.mean(is_below | is_above) > STEADY_SHARE
    return middle if is_steady and np.mean(is_below) <= GAPS else None
