"""Clipped samples: runs at full scale, counted by chunk at the sound's own rate."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.clipping import ClipCounter
from stream_processor.records import Sound

RATE = 1000  # 32 samples a chunk


def shares(samples: list[float], cuts: list[int] | None = None) -> list[float]:
    counter, edges = ClipCounter(), [0, *sorted(set(cuts or [])), len(samples)]
    for begin, end in pairwise(edges):
        counter.count(Sound(begin, RATE, np.array(samples[begin:end], np.float32)))
    found: list[float] = counter.shares(np.arange(len(samples) // 32) * 0.032).tolist()
    assert len(counter.seconds) == 0
    return found


def test_a_run_at_full_scale_is_clipped_and_a_peak_alone_is_not() -> None:
    calm = [0.1] * 32
    run = [0.1] * 10 + [1.0] * 9 + [0.1] * 13  # the first of a run may be a peak
    below = [0.1] * 10 + [-1.0] * 9 + [0.1] * 13
    peaks = [0.1, 1.0, 0.1, -1.0] * 8
    across = [1.0, -1.0] * 16
    hole = [np.nan] * 32
    assert shares(calm + run + below + peaks + across + hole) == pytest.approx([0, 8 / 32, 8 / 32, 0, 0, 0])


@given(
    samples=st.lists(st.sampled_from([1.0, -1.0, 0.5, 1.2]), min_size=64, max_size=128),
    cuts=st.lists(st.integers(1, 63), max_size=5),
)
def test_it_does_not_depend_on_how_the_sound_was_cut(samples: list[float], cuts: list[int]) -> None:
    whole = samples[: len(samples) // 32 * 32]
    assert shares(whole, cuts) == shares(whole)


def test_a_jump_begins_anew() -> None:
    counter = ClipCounter()
    counter.count(Sound(0, RATE, np.array([0.0, 1.0], np.float32)))
    counter.count(Sound(10, RATE, np.array([1.0, 0.0], np.float32)))
    assert len(counter.seconds) == 0
    counter.count(Sound(12, RATE, np.array([], np.float32)))
    assert counter.next == 12
