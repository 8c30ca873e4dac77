"""The demo's sound: slow chords over a little noise, and in the bursts a beat and explosions."""

import numpy as np
import numpy.typing as npt

from stream_processor.sources.demo_game import burst_at, enemies

SAMPLE_RATE = 44100
_CHORDS = ((110.0, 164.8, 220.0), (98.0, 146.8, 196.0), (87.3, 130.8, 174.6), (98.0, 146.8, 246.9))
_CHORD_SECONDS = 4.0
_EXPLOSION_SECONDS = 0.8
_BEATS_PER_SECOND = 4.0


class GameSound:
    """``samples(first, count)`` gives float32 (count,), mono, full scale 1.0; ``first`` counts from the game's start."""

    def __init__(self) -> None:
        self._deaths = np.array([enemy.dies for enemy in enemies()])
        self._loudness = np.array([0.5 if enemy.in_burst else 0.03 for enemy in enemies()], np.float32)
        seconds = np.arange(int(_EXPLOSION_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
        crack = np.random.default_rng(5).standard_normal(len(seconds)) * np.exp(-seconds * 7)
        boom = np.sin(2 * np.pi * 60 * seconds) * np.exp(-seconds * 4)
        self._explosion = (0.5 * crack + 0.6 * boom).astype(np.float32)

    def samples(self, first: int, count: int) -> npt.NDArray[np.float32]:
        seconds = (first + np.arange(count)) / SAMPLE_RATE
        chord = _CHORDS[int(seconds[0] // _CHORD_SECONDS) % len(_CHORDS)]
        swell = 0.6 + 0.4 * np.sin(np.pi * (seconds % _CHORD_SECONDS) / _CHORD_SECONDS)
        sound = 0.03 * swell * sum(np.sin(2 * np.pi * tone * seconds) for tone in chord)
        sound = sound + 0.004 * np.random.default_rng(first).standard_normal(count)
        if burst_at(float(seconds[0])) is not None:
            sound += 0.22 * np.sin(2 * np.pi * 55 * seconds) * np.exp(-6 * (seconds * _BEATS_PER_SECOND % 1))
        self._add_explosions(sound, first)
        return np.tanh(sound).astype(np.float32)

    def _add_explosions(self, sound: npt.NDArray[np.float64], first: int) -> None:
        starts = np.rint(self._deaths * SAMPLE_RATE).astype(int) - first
        for index in np.flatnonzero((starts < len(sound)) & (starts > -len(self._explosion))):
            start = int(starts[index])
            begin, end = max(start, 0), min(start + len(self._explosion), len(sound))
            sound[begin:end] += self._loudness[index] * self._explosion[begin - start : end - start]
