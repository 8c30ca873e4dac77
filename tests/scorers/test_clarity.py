"""Clarity: speech and music are clear; noise, clipping and silence are not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorers.clarity import WINDOW_CHUNKS, Clarity, spectra
from stream_processor.records import Pane
from tests.scorers.sounds import Floats, each_second, heard, noise, read_media, read_wave, tone

Find = Callable[[str], Path]
SCORER = Clarity()


def mean(sound: Floats, rate: int) -> float:
    return float(heard(SCORER, sound, rate, cuts=each_second(sound, rate)).values.mean())


@pytest.fixture(scope="module")
def speech(media: Find) -> Floats:
    """15 s at 16 kHz."""
    sound, rate = read_wave(media("silero_test_speech.wav"))
    return sound[: 15 * rate]


def test_speech_is_clear_and_noise_is_not(speech: Floats) -> None:
    assert mean(speech, 16000) > 0.9
    assert mean(noise(5, 16000), 16000) < 0.1
    assert mean(tone(5, 16000), 16000) > 0.95


def test_noise_over_speech_takes_it_away_by_and_by(speech: Floats) -> None:
    loudness = float(np.sqrt(np.mean(np.square(speech))))
    values = [mean(speech + noise(15, 16000, level=loudness * 10 ** (-db / 20)), 16000) for db in (40, 10, 0, -10)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.9
    assert values[-1] < 0.4


def test_clipped_speech_is_less_clear_than_the_same_speech(speech: Floats) -> None:
    full = speech / np.abs(speech).max()
    values = [mean(np.clip(full * gain, -1, 1), 16000) for gain in (0.9, 2, 4, 16)]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[1] + 0.1
    assert values[-1] < 0.1


def test_silence_has_none_and_what_is_hardly_heard_little() -> None:
    assert mean(np.zeros(48000, np.float32), 16000) == 0
    assert mean(tone(3, 16000, level=0.0005), 16000) == 0  # −69 dB
    assert 0.1 < mean(tone(3, 16000, level=0.003), 16000) < 0.9  # −53 dB


def test_music_and_commentary_are_clear_in_real_recordings(media: Find) -> None:
    for name in ("bbb_0_30_720p.webm", "nasa_13013.mp4"):
        assert mean(read_media(media(name)), 48000) > 0.8


def test_a_value_every_half_second_at_the_middle_of_its_window() -> None:
    samples = heard(SCORER, tone(4, 48000), 48000)
    assert samples.times == pytest.approx([0.768, 1.28, 1.792, 2.304, 2.816])
    assert len(heard(SCORER, tone(1.5, 48000), 48000).times) == 0  # shorter than a window


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(1, 130000), max_size=8), hole=st.tuples(st.integers(0, 130000), st.integers(0, 3000)))
def test_it_does_not_depend_on_how_the_sound_was_cut(cuts: list[int], hole: tuple[int, int]) -> None:
    sound = tone(3, 44100, level=1.3).clip(-1, 1) + noise(3, 44100, level=0.01)
    sound[hole[0] : hole[0] + hole[1]] = np.nan
    whole, cut = heard(SCORER, sound, 44100), heard(SCORER, sound, 44100, cuts=cuts)
    np.testing.assert_array_equal(cut.times, whole.times)
    np.testing.assert_array_equal(cut.values, whole.values)


def test_no_window_reaches_over_a_hole() -> None:
    sound = tone(6, 16000)
    sound[48000:48100] = np.nan
    samples = heard(SCORER, sound, 16000, cuts=each_second(sound, 16000))
    half = WINDOW_CHUNKS * 0.032 / 2
    assert not ((samples.times - half < 3) & (samples.times + half > 3.00625)).any()
    assert (samples.times > 3).any()


@given(level=st.floats(0, 2), seed=st.integers(0, 100))
def test_every_value_lies_between_0_and_1(level: float, seed: int) -> None:
    sound = (np.random.default_rng(seed).normal(0, 1, 32000) * level).astype(np.float32)
    values = heard(SCORER, sound, 16000).values
    assert len(values) > 0
    assert ((values >= 0) & (values <= 1)).all()


def test_flatness_tells_noise_from_a_note() -> None:
    _, of_noise = spectra(noise(1, 16000)[:15872].reshape(-1, 512))
    _, of_note = spectra(tone(1, 16000)[:15872].reshape(-1, 512))
    assert of_noise.mean() == pytest.approx(0.56, abs=0.05)  # e to the minus Euler's constant
    assert of_note.max() < 0.01


def test_a_pane_without_sound_has_no_samples() -> None:
    (samples,) = SCORER.score([(SCORER.start(), Pane(0, 0, 0.0, 1.0, None, None, None, is_last=True))])
    assert len(samples.times) == 0
