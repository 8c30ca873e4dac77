"""Loudness: librosa's numbers, whatever the panes; nothing where the sound has a hole."""

from itertools import pairwise

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorers.loudness import FRAME_SAMPLES, HOP_SAMPLES, Rms
from stream_processor.records import Pane, Samples, Sound

RATE = 8000


def noise(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, length).astype(np.float32)


def score(*sounds: Sound) -> list[Samples]:
    scorer = Rms()
    memory = scorer.start()
    panes = [Pane(0, number, float(number), 1.0, None, None, sound) for number, sound in enumerate(sounds)]
    return [scorer.score([(memory, pane)])[0] for pane in panes]


def in_parts(samples: np.ndarray, cuts: list[int], first: int = 0, rate: int = RATE) -> list[Sound]:
    edges = [0, *sorted(cut for cut in cuts if cut < len(samples)), len(samples)]
    return [Sound(first + start, rate, samples[start:end]) for start, end in pairwise(edges)]


@settings(deadline=None)  # librosa compiles itself at the first call
@given(length=st.integers(0, 12000), cuts=st.lists(st.integers(0, 12000), max_size=20))
def test_values_are_those_of_librosa_however_the_sound_is_cut(length: int, cuts: list[int]) -> None:
    samples = noise(length)
    parts = score(*in_parts(samples, cuts))
    values = np.concatenate([part.values for part in parts])
    if length < FRAME_SAMPLES:
        assert len(values) == 0
        return
    expected = librosa.feature.rms(y=samples, frame_length=FRAME_SAMPLES, hop_length=HOP_SAMPLES, center=False)[0]
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_real_speech_has_the_values_of_librosa(media: object) -> None:
    samples, rate = librosa.load(media("silero_test_speech.wav"), sr=None, duration=10)  # type: ignore[operator]
    expected = librosa.feature.rms(y=samples, frame_length=FRAME_SAMPLES, hop_length=HOP_SAMPLES, center=False)[0]
    seconds = [second * int(rate) for second in range(1, 10)]
    values = np.concatenate([part.values for part in score(*in_parts(samples, seconds, rate=int(rate)))])
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-7)


def test_a_frame_belongs_to_the_pane_that_holds_its_last_sample_and_has_its_time() -> None:
    #  samples   0 ────────────── 2047 │ 2048 ─── 2559      frame 0 ends with 2047, frame 1 with 2559
    first, second, third = score(*in_parts(noise(2600), [2047, 2048]))
    assert len(first.times) == 0
    assert second.times.tolist() == [2047 / RATE]
    assert third.times.tolist() == [2559 / RATE]


def test_a_full_scale_square_wave_is_1_and_silence_is_0_at_any_rate() -> None:
    for rate in (8000, 48000):
        loud = np.tile(np.array([1, -1], np.float32), 4000)
        assert score(Sound(0, rate, loud))[0].values == pytest.approx(1)
        assert score(Sound(0, rate, loud * 0))[0].values == pytest.approx(0)


def test_a_frame_with_a_hole_in_it_gives_no_sample() -> None:
    #  hole at sample 3000, in block 5 of 512: the frames that hold block 5 are 2 to 5
    samples = noise(20 * HOP_SAMPLES)
    whole = score(Sound(0, RATE, samples.copy()))[0]
    samples[3000] = np.nan
    holed = score(Sound(0, RATE, samples))[0]
    assert holed.times.tolist() == np.delete(whole.times, [2, 3, 4, 5]).tolist()
    assert holed.values.tolist() == np.delete(whole.values, [2, 3, 4, 5]).tolist()


def test_sound_that_begins_late_is_framed_on_the_same_grid() -> None:
    samples = noise(10000)
    whole = score(Sound(0, RATE, samples))[0]
    late = score(Sound(3000, RATE, samples[3000:]))[0]
    assert late.times.tolist() == whole.times[-len(late.times) :].tolist()
    assert late.values.tolist() == whole.values[-len(late.values) :].tolist()
    assert late.times[0] * RATE + 1 == 6 * HOP_SAMPLES + FRAME_SAMPLES, "the first whole block is the sixth"


def test_sound_that_does_not_adjoin_starts_afresh() -> None:
    samples = noise(10000)
    _, after_gap = score(Sound(0, RATE, samples[:4000]), Sound(5000, RATE, samples[5000:]))
    (alone,) = score(Sound(5000, RATE, samples[5000:]))
    assert after_gap.times.tolist() == alone.times.tolist()
    _, other_rate = score(Sound(0, RATE, samples[:4096]), Sound(4096, 2 * RATE, samples[4096:6000]))
    assert len(other_rate.times) == 0


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=20))
def test_what_is_remembered_is_less_than_one_block_and_three_sums(lengths: list[int]) -> None:
    scorer, first = Rms(), 0
    memory = scorer.start()
    for length in lengths:
        scorer.score([(memory, Pane(0, 0, 0.0, 1.0, None, None, Sound(first, RATE, noise(length))))])
        first += length
    assert len(memory.rest) < HOP_SAMPLES
    assert len(memory.energies) == FRAME_SAMPLES // HOP_SAMPLES - 1
