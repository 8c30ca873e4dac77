"""Functions of a look: each row by itself, however many there are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorers.heads import Head, Linear, Nearest


def unit(n: int, d: int = 512, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(n, d))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


HEADS = [Linear(np.random.default_rng(8).normal(size=512), 2.0), Nearest(unit(3, seed=9).astype(np.float64))]


@pytest.mark.parametrize("head", HEADS, ids=["linear", "nearest"])
@settings(max_examples=30)
@given(n=st.integers(0, 2100), cut=st.integers(0, 2100))
def test_a_value_does_not_depend_on_which_rows_it_is_computed_with(head: Head, n: int, cut: int) -> None:
    looks = unit(n)
    np.testing.assert_array_equal(head(looks), np.concatenate([head(looks[:cut]), head(looks[cut:])]))


def test_a_linear_head_is_a_weighted_sum_and_a_bias() -> None:
    looks = np.array([[1, 0], [0.6, 0.8]], np.float32)
    np.testing.assert_allclose(Linear(np.array([2.0, 10.0]), 1.0)(looks), [3.0, 1 + 1.2 + 8.0], rtol=1e-6)


def test_nearest_is_the_cosine_with_the_best_of_the_examples() -> None:
    #  examples →  and ↑ ; a look at 30° is nearer to →, one at 90° is ↑ itself, one at 225° is far from both
    angles = np.deg2rad([30, 90, 225])
    looks = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    values = Nearest(np.eye(2))(looks)
    np.testing.assert_allclose(values, [np.cos(np.deg2rad(30)), 1, -np.cos(np.deg2rad(45))], atol=1e-6)


def test_looks_may_lie_in_a_file(tmp_path: object) -> None:
    looks = unit(2000)
    mapped = np.memmap(f"{tmp_path}/looks", np.float32, "w+", shape=looks.shape)
    mapped[:] = looks
    for head in HEADS:
        np.testing.assert_array_equal(head(mapped), head(looks))
