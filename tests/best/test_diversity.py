"""Moments that differ from each other: by laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.best.diversity import choose, similarity


def at(*degrees: float) -> np.ndarray:  # type: ignore[type-arg]
    """Looks on a circle."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_what_is_too_like_a_better_one_is_passed_over() -> None:
    taken, alike = choose(at(0, 5, 90, 95), 3, min_distance=0.12, max_similar=1)
    assert taken == [0, 2]
    assert {row: one.place for row, one in alike.items()} == {1: 0, 3: 1}
    assert alike[1].distance == pytest.approx(1 - np.cos(np.radians(5)), abs=1e-6)


def test_as_many_alike_are_taken_as_may_be() -> None:
    taken, alike = choose(at(0, 1, 2, 90), 4, min_distance=0.12, max_similar=2)
    assert taken == [0, 1, 3]
    assert list(alike) == [2]


def test_with_a_distance_of_0_nothing_is_too_like_anything() -> None:
    looks = np.random.default_rng(1).normal(size=(1, 64)).astype(np.float32).repeat(9, axis=0)
    looks *= np.float32(1.000001) / np.linalg.norm(looks, axis=1, keepdims=True)  # a hair too long: a distance below 0
    assert choose(looks, 9, min_distance=0.0, max_similar=1)[0] == list(range(9))


def test_what_comes_after_the_last_that_is_wanted_is_not_judged() -> None:
    taken, alike = choose(at(0, 90, 1, 180), 2, min_distance=0.12, max_similar=1)
    assert (taken, alike) == ([0, 1], {})


@given(st.lists(st.floats(0, 360), max_size=30), st.integers(1, 10), st.floats(0.001, 2), st.integers(1, 4))
def test_of_the_taken_no_more_are_alike_than_may_be(degrees: list[float], k: int, distance: float, most: int) -> None:
    looks = at(*degrees) if degrees else np.empty((0, 2), np.float32)
    taken, alike = choose(looks, k, min_distance=distance, max_similar=most)
    assert len(taken) <= k
    assert not set(taken) & set(alike)
    for place, row in enumerate(taken):
        distances = 1 - looks[taken[:place]].astype(float) @ looks[row].astype(float)
        assert (distances < distance).sum() < most
    if degrees:
        assert taken[0] == 0


def test_similarity_is_1_with_itself_and_the_same_both_ways() -> None:
    found = similarity(at(0, 30, 200))
    assert np.diag(found).tolist() == [1.0] * 3
    assert (found == found.T).all()
    assert found[0, 1] == pytest.approx(np.cos(np.radians(30)))
