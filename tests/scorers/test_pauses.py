"""Sound, drawn as a line: ``#`` a tenth of a second with sound, ``!`` with ten times as much, ``.`` one without."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.pauses import Pauses
from stream_processor.records import Sound

RATE = 8000


def sound(line: str, *, volume: float = 0.2, first: int = 0) -> Sound:
    loud = np.repeat([volume * {"#": 1, "!": 10, ".": 0}[character] for character in line], RATE // 10)
    seconds = np.arange(len(loud)) / RATE
    tone = np.sin(2 * np.pi * 440 * seconds) * (1 + 0.45 * np.sin(2 * np.pi * 1.7 * seconds))  # no hum: its level is never steady
    return Sound(first, RATE, (tone * loud).astype(np.float32))


def heard(line: str, seconds: int = 10) -> str:
    pauses = Pauses(seconds)
    pauses.hear(sound(line))
    return pauses.heard(len(line) / 10)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("#" * 100, "unbroken"),
        ("." * 100, "silence"),
        ("####..###.###...####.##..####.##" * 3, "broken"),  # somebody speaks
        ("." * 60 + "#" * 40, "broken"),  # something happens where it was silent
        ("#" * 90 + "." * 10, "unbroken"),  # from one piece of music to the next
    ],
)
def test_music_silence_and_speech(line: str, expected: str) -> None:
    assert heard(line) == expected


def test_music_that_swells_is_unbroken() -> None:
    swell = np.concatenate([np.linspace(0.02, 0.5, 5 * RATE), np.linspace(0.5, 0.02, 5 * RATE)])
    noise = np.random.default_rng(0).normal(0, 1, len(swell))
    pauses = Pauses(10)
    pauses.hear(Sound(0, RATE, (swell * noise * 0.3).astype(np.float32)))
    assert pauses.heard(10.0) == "unbroken"


def noise(seconds: float, level: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, level, round(seconds * RATE))


def heard_at_the_end(samples: np.ndarray, seconds: int = 30) -> str:
    pauses = Pauses(seconds)
    pauses.hear(Sound(0, RATE, samples.astype(np.float32)))
    return pauses.heard(len(samples) / RATE)


@pytest.mark.parametrize("kind", ["hiss", "rumble", "mains"])
def test_a_hum_is_no_more_music_than_silence_is_and_a_shout_above_it_happens(kind: str) -> None:
    hiss = noise(30, 0.01)
    smooth = np.convolve(noise(30, 0.5), np.ones(40) / 40, "same")
    mains = 0.02 * np.sin(2 * np.pi * 50 * np.arange(30 * RATE) / RATE)
    hum = {"hiss": hiss, "rumble": smooth, "mains": mains + hiss / 10}[kind]
    assert heard_at_the_end(hum) == "silence"
    shout = np.zeros(len(hum))
    shout[20 * RATE : 22 * RATE] = noise(2, 0.2)
    assert heard_at_the_end(hum + shout) == "broken"


def test_a_tone_with_gaps_is_no_hum() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(30 * RATE) / RATE) * (np.arange(30 * RATE) / RATE % 1 < 0.7)
    assert heard_at_the_end(tone * 0.1) == "broken"


def music(seconds: int) -> np.ndarray:
    return sound("#" * 10 * seconds).samples.astype(np.float64)


def test_a_few_words_in_half_a_minute_of_music_are_heard() -> None:
    words = np.concatenate([music(20), 5 * sound("##..#.###." * 5).samples, music(5)])
    assert heard_at_the_end(words) == "broken"
    assert heard_at_the_end(music(30)) == "unbroken"


@pytest.mark.parametrize(("seconds", "expected"), [(3, "broken"), (10, "unbroken")], ids=["a-shout", "music-swells"])
def test_a_shout_over_music_is_heard_and_music_that_is_loud_for_longer_is_music(seconds: int, expected: str) -> None:
    loud = music(30)
    loud[15 * RATE : (15 + seconds) * RATE] *= 5
    assert heard_at_the_end(loud) == expected


def test_what_is_longer_ago_is_forgotten() -> None:
    assert heard("#.." * 50 + "#" * 100) == "unbroken"


def test_a_stream_without_sound_is_silent() -> None:
    assert Pauses(10).heard(100.0) == "silence"


def test_what_comes_later_is_not_heard_yet() -> None:
    pauses = Pauses(10)
    pauses.hear(sound("#" * 50 + "." * 50))
    assert pauses.heard(5.0) == "unbroken"
    assert pauses.heard(10.0) == "broken"


def test_after_a_hole_it_begins_with_the_next_whole_second() -> None:
    pauses = Pauses(10)
    pauses.hear(sound("#" * 25))
    pauses.hear(sound("#" * 40, first=int(5.5 * RATE)))
    assert pauses.heard(9.5) == "unbroken"


@given(cuts=st.lists(st.integers(1, 10 * RATE - 1), max_size=8, unique=True))
def test_it_does_not_matter_how_the_sound_is_cut(cuts: list[int]) -> None:
    whole = sound("##..###.##" * 10)
    edges = [0, *sorted(cuts), len(whole.samples)]
    one, many = Pauses(10), Pauses(10)
    one.hear(whole)
    for start, end in pairwise(edges):
        many.hear(Sound(start, RATE, whole.samples[start:end]))
    for ours, theirs in zip(one._known, many._known, strict=True):
        assert ours.number == theirs.number
        assert np.array_equal(ours.levels, theirs.levels)
        assert np.array_equal(ours.slopes, theirs.slopes)
