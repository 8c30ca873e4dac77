"""Seconds that sound alike have vectors that are alike."""

import numpy as np
import pytest

from scorers.timbre import Timbre, describe
from stream_processor.records import Pane, Samples, Sound

RATE = 16000
Floats = np.ndarray


def noise(seed: int, seconds: float = 1.0, *, low: float = 100, high: float = 6000, rate: int = RATE) -> Floats:
    """Noise between two frequencies, the same at any rate."""
    random = np.random.default_rng(seed)
    times = np.arange(int(seconds * rate)) / rate
    waves = [np.sin(2 * np.pi * random.uniform(low, high) * times + random.uniform(0, 7)) for _ in range(60)]
    return 0.02 * np.sum(waves, axis=0)


def alike(a: Floats, b: Floats, rate: int = RATE, other_rate: int = RATE) -> float:
    one, other = describe(a, rate), describe(b, other_rate)
    assert one is not None
    assert other is not None
    return float(one @ other)


def test_the_same_sound_is_alike_however_loud() -> None:
    assert alike(noise(1), 0.2 * noise(1)) > 0.98


def test_the_same_sound_is_alike_at_another_sampling_rate() -> None:
    assert alike(noise(1), noise(1, rate=44100), other_rate=44100) > 0.98


def test_a_rumble_and_a_hiss_are_not_alike() -> None:
    assert alike(noise(1, low=80, high=400), noise(2, low=3000, high=7000)) < 0.3


def test_each_vector_has_length_one_and_stands_in_the_middle_of_its_second() -> None:
    found = score(noise(3, seconds=3.5))
    assert found.times.tolist() == [0.5, 1.5, 2.5]
    assert found.vectors is not None
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-6)


def test_the_value_is_how_loud_the_second_is() -> None:
    assert score(np.full(RATE, 0.25) * np.sign(noise(1))).values == pytest.approx([0.25])


def test_silence_has_no_timbre_and_a_second_with_a_hole_none_either() -> None:
    sound = noise(1, seconds=3)
    sound[:RATE] = 0
    sound[int(1.2 * RATE) : int(1.5 * RATE)] = np.nan
    assert score(sound).times.tolist() == [2.5]


def score(samples: Floats) -> Samples:
    scorer = Timbre()
    pane = Pane(0, 0, 0.0, len(samples) / RATE, None, None, Sound(0, RATE, samples.astype(np.float32)))
    (found,) = scorer.score([(scorer.start(), pane)])
    return found
