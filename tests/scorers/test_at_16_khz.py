"""Chunks at 16 kHz: the same however the sound was cut, anew after a hole, in time with what was heard."""

from itertools import pairwise

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from scorers.at_16_khz import CHUNK_SAMPLES, RATE, Listener, Part
from stream_processor.records import Sound
from tests.scorers.sounds import Floats, noise, tone

RATES = [8000, 11025, 16000, 22050, 44100, 48000, 96000]


def parts(sound: Floats, rate: int, cuts: list[int] | None = None, first: int = 0) -> list[Part]:
    edges = [0, *sorted({cut for cut in cuts or [] if 0 < cut < len(sound)}), len(sound)]
    listener, found = Listener(), []
    for begin, end in pairwise(edges):
        found += listener.hear(Sound(first + begin, rate, sound[begin:end]), is_last=end == len(sound))
    return found


def stretches(found: list[Part]) -> list[tuple[list[float], Floats]]:
    """Times and chunks of each stretch, its parts put together."""
    joined: list[tuple[list[float], Floats]] = []
    for part in found:
        if part.is_new:
            joined.append(([], np.empty((0, CHUNK_SAMPLES), np.float32)))
        times, chunks = joined[-1]
        joined[-1] = ([*times, *part.times.tolist()], np.concatenate([chunks, part.chunks]))
    return joined


@pytest.mark.parametrize("rate", RATES)
def test_it_is_what_soxr_makes_of_it_at_once(rate: int) -> None:
    sound = noise(2, rate)
    ((times, chunks),) = stretches(parts(sound, rate, cuts=[rate // 3, rate]))
    expected = soxr.resample(sound, rate, RATE)
    np.testing.assert_array_equal(chunks.ravel(), expected[: chunks.size])
    assert times == pytest.approx(np.arange(len(chunks)) * 0.032)
    assert len(chunks) == 62  # of 62.5: what is left over is left out


@settings(max_examples=30)
@given(
    cuts=st.lists(st.integers(1, 48000), max_size=12),
    holes=st.lists(st.tuples(st.integers(0, 48000), st.integers(1, 9000)), max_size=3),
    rate=st.sampled_from([8000, 44100, 48000]),
)
def test_it_does_not_depend_on_how_the_sound_was_cut(cuts: list[int], holes: list[tuple[int, int]], rate: int) -> None:
    #  ├─────┼──────────┼── hole ──┼───┼─ hole ─┤
    sound = noise(1, rate)
    for begin, length in holes:
        sound[begin : begin + length] = np.nan
    whole, cut = stretches(parts(sound, rate)), stretches(parts(sound, rate, cuts))
    assert [times for times, _ in cut] == [times for times, _ in whole]
    for (_, got), (_, expected) in zip(cut, whole, strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("cuts", [[], [16000], [15999, 16001]], ids=["within a pane", "at a cut", "around a cut"])
def test_a_hole_begins_a_new_stretch_where_the_sound_goes_on(cuts: list[int]) -> None:
    #  0 ──── 1 s ┈┈ hole ┈┈ 1.5 s ──── 3 s
    sound = tone(3, 16000)
    sound[16000:24000] = np.nan
    first, second = stretches(parts(sound, 16000, cuts))
    assert first[0][-1] == pytest.approx(30 * 0.032)  # the last whole chunk before the hole
    assert second[0][0] == 1.5
    np.testing.assert_array_equal(second[1].ravel()[:1000], sound[24000:25000])


def test_sound_that_does_not_adjoin_is_a_new_stretch() -> None:
    listener = Listener()
    sound = tone(1, 16000)
    first = listener.hear(Sound(0, 16000, sound), is_last=False)
    jumped = listener.hear(Sound(20000, 16000, sound), is_last=False)
    other_rate = listener.hear(Sound(36000, 8000, sound), is_last=True)
    begins = [times[0] for times, _ in stretches([*first, *jumped, *other_rate])]
    assert begins == [0, 20000 / 16000, 36000 / 8000]


def test_a_pane_without_sound_says_nothing_and_the_last_one_gives_what_was_held_back() -> None:
    listener = Listener()
    before = listener.hear(Sound(0, 48000, tone(1, 48000)), is_last=False)
    assert listener.hear(None, is_last=False) == []
    after = listener.hear(None, is_last=True)
    assert sum(len(part.times) for part in (*before, *after)) == 31
    assert len(before[0].times) < 31
    assert listener.hear(None, is_last=True) == []


def test_what_was_held_back_comes_as_soon_as_a_hole_begins() -> None:
    listener, hole = Listener(), np.full(48000, np.nan, np.float32)
    before = listener.hear(Sound(0, 48000, tone(1, 48000)), is_last=False)
    after = listener.hear(Sound(48000, 48000, hole), is_last=False)
    assert sum(len(part.times) for part in before) < 31
    assert sum(len(part.times) for part in (*before, *after)) == 31


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_too_little_gives_nothing(samples: int) -> None:
    assert parts(tone(1, 16000)[:samples], 16000) == []
