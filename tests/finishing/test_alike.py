"""Stretches of vectors: a walk through a space is a scene, the same walk its replay."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.finishing.alike import likeness, stretch
from stream_processor.records import Samples

DIMENSIONS = 24


def scene(seed: int, seconds: float = 10.0, *, spread: float = 0.3, background: int = 0) -> Samples:
    """Unit vectors, five a second, that wander around those of a background."""
    random = np.random.default_rng(seed)
    walk = np.cumsum(random.normal(0, 1, (int(seconds * 5), DIMENSIONS)), axis=0)
    walk = walk / np.linalg.norm(walk, axis=1).mean() * spread
    vectors = np.random.default_rng([9, background]).normal(0, 0.2, DIMENSIONS) + walk
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Samples(np.arange(len(vectors)) / 5, np.zeros(len(vectors)), vectors.astype(np.float32))


def moved(samples: Samples, seconds: float) -> Samples:
    return Samples(samples.times + seconds, samples.values, samples.vectors)


def compared(a: Samples, b: Samples) -> float | None:
    stretches = [stretch(each, float(each.times[0]), float(each.times[-1]) + 0.2, 0.2) for each in (a, b)]
    assert stretches[0] is not None
    assert stretches[1] is not None
    return likeness(*stretches)


def test_a_replay_is_the_same() -> None:
    found = compared(scene(1), moved(scene(1), 77.7))
    assert found is not None
    assert found > 0.99


@pytest.mark.parametrize("seed", range(5))
def test_another_scene_before_the_same_background_is_not(seed: int) -> None:
    found = compared(scene(1), scene(10 + seed))
    assert found is not None
    assert found < 0.85


def test_a_part_of_it_is_found_wherever_it_lies() -> None:
    whole = scene(1)
    assert whole.vectors is not None
    part = Samples(whole.times[15:40], whole.values[15:40], whole.vectors[15:40])
    found = compared(whole, part)
    assert found is not None
    assert found > 0.99


def test_what_another_kind_measured_cannot_be_compared() -> None:
    one, other = scene(1), scene(1)
    assert other.vectors is not None
    shorter = Samples(other.times, other.values, other.vectors[:, :12])
    assert compared(one, shorter) is None


def test_where_nothing_changes_there_is_nothing_to_compare() -> None:
    assert stretch(scene(1, spread=0.005), 0, 10, 0.2) is None


@pytest.mark.parametrize(
    ("samples", "end"),
    [(Samples.none(), 10.0), (Samples(np.arange(9) / 5, np.zeros(9)), 2.0), (scene(1), 0.0), (scene(1), 0.4)],
    ids=["nothing", "no vectors", "no time", "too short"],
)
def test_without_enough_vectors_there_is_no_stretch(samples: Samples, end: float) -> None:
    assert stretch(samples, 0.0, end, 0.2) is None


@given(seeds=st.tuples(st.integers(0, 50), st.integers(0, 50)), seconds=st.tuples(st.floats(2, 12), st.floats(2, 12)))
def test_it_is_symmetric_and_never_above_one(seeds: tuple[int, int], seconds: tuple[float, float]) -> None:
    a, b = (scene(seed, length) for seed, length in zip(seeds, seconds, strict=True))
    one, other = compared(a, b), compared(b, a)
    assert one is not None
    assert other is not None
    assert one == pytest.approx(other, abs=1e-9)
    assert -1 <= one <= 1 + 1e-9


@given(seeds=st.tuples(st.integers(0, 50), st.integers(0, 50)), rows=st.tuples(st.integers(5, 16), st.integers(5, 16)))
def test_it_is_the_best_correlation_of_any_overlap(seeds: tuple[int, int], rows: tuple[int, int]) -> None:
    a, b = (scene(seed, length / 5).vectors for seed, length in zip(seeds, rows, strict=True))
    assert a is not None
    assert b is not None

    def correlation(ours: np.ndarray, theirs: np.ndarray) -> float:
        ours, theirs = ours - ours.mean(axis=0), theirs - theirs.mean(axis=0)
        return float((ours * theirs).sum() / np.sqrt(np.square(ours).sum() * np.square(theirs).sum()))

    least = max(math.ceil(0.6 * min(len(a), len(b))), 3)
    overlaps = [(max(0, moved), min(len(a), len(b) + moved), moved) for moved in range(least - len(b), len(a) - least + 1)]
    expected = max(correlation(a[first:end], b[first - moved : end - moved]) for first, end, moved in overlaps)
    samples = [Samples(np.arange(len(each)) / 5, np.zeros(len(each)), each) for each in (a, b)]
    assert compared(*samples) == pytest.approx(expected, abs=0.01)
