"""What is quicker than 32 bits is taken only where it is exact enough: judged on embeddings, and tried on the tiny CLIP."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from scorers import arithmetic
from scorers.arithmetic import ARITHMETICS, candidates, converted, is_exact_enough, rank_correlation, trial_pictures
from scorers.embedding import load_embedder
from scorers.weights import find_weights
from tests.scorers.conftest import TinyClip


def embeddings(count: int = 8) -> np.ndarray:
    vectors = np.random.default_rng(1).normal(0, 0.1, (count, 64)) + np.eye(64)[0]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def disturbed(vectors: np.ndarray, by: float) -> np.ndarray:
    noise = np.random.default_rng(2).normal(0, by / 8, vectors.shape)
    moved = vectors + noise
    return (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)


def test_embeddings_are_exact_enough_while_each_is_near_its_own_and_their_differences_keep_their_order() -> None:
    wanted = embeddings()
    assert is_exact_enough(wanted, wanted)
    assert is_exact_enough(disturbed(wanted, by=0.003), wanted)
    assert not is_exact_enough(disturbed(wanted, by=0.1), wanted)


def test_embeddings_that_are_all_the_same_are_not_exact_enough_even_where_all_lie_close() -> None:
    close = embeddings() * 0.01 + np.eye(64, dtype=np.float32)[0]
    close /= np.linalg.norm(close, axis=1, keepdims=True)
    rough = np.round(close, 3)
    rough /= np.linalg.norm(rough, axis=1, keepdims=True)
    assert (close * rough).sum(axis=1).min() > 0.9999
    assert not is_exact_enough(rough, close)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_not_exact_enough(value: float) -> None:
    broken = embeddings()
    broken[3, 5] = value
    assert not is_exact_enough(broken, embeddings())


@given(st.permutations(range(9)), st.permutations(range(9)))
def test_the_rank_correlation_is_spearmans(a: list[int], b: list[int]) -> None:
    got = rank_correlation(np.array(a, np.float32) ** 3, np.array(b, np.float32))
    assert got == pytest.approx(spearmanr(a, b).statistic, abs=1e-9)


def test_trial_pictures_are_always_the_same_and_change_more_and_more() -> None:
    pictures = trial_pictures(64).astype(np.int16)
    assert (pictures == trial_pictures(64)).all()
    steps = [np.abs(after - before).mean() for before, after in pairwise(pictures)]
    assert steps == sorted(steps)
    assert steps[0] > 0.2


@pytest.mark.parametrize("name", ARITHMETICS)
def test_a_tower_in_any_arithmetic_embeds_as_in_32_bits(tiny_clip: TinyClip, name: str) -> None:
    weights = find_weights(tiny_clip.model, str(tiny_clip.checkpoint))
    embedder = load_embedder(weights, tiny_clip.checkpoint, device="cpu", arithmetic=name)
    pictures = [trial_pictures(40)]
    assert embedder.arithmetic == name
    assert is_exact_enough(embedder.embed(pictures)[0], tiny_clip.embedder.embed(pictures)[0])


def test_converting_leaves_the_tower_as_it_was_and_makes_the_copy_smaller(tiny_clip: TinyClip) -> None:
    import torch

    network = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.LayerNorm(64))
    bytes_of = {name: _bytes(converted(network, name)) for name in ARITHMETICS}
    assert bytes_of["bf16"] == bytes_of["fp16"] == bytes_of["fp32"] / 2
    assert bytes_of["int8"] < bytes_of["fp32"] / 3
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}


def test_a_card_computes_in_half_precision_and_a_cpu_in_what_it_has_instructions_for(
    tiny_clip: TinyClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    assert candidates("cuda:1") == ("fp16",)
    monkeypatch.setattr(arithmetic, "find_spec", lambda name: None)
    for name in ("_is_vnni_supported", "_is_avx512_vnni_supported", "_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    assert candidates("cpu") == ()
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    assert candidates("cpu") == ("bf16",)
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: True, raising=False)
    assert candidates("cpu") == ("int8", "bf16")


def test_openvino_is_tried_first_where_it_is_installed_in_bfloat16_where_there_are_instructions_for_that(
    tiny_clip: TinyClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(arithmetic, "find_spec", {"openvino": "it is there"}.get)
    for name in ("_is_vnni_supported", "_is_avx512_vnni_supported", "_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    assert candidates("cpu") == ("openvino fp32",)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True, raising=False)
    assert candidates("cpu") == ("openvino bf16", "bf16")
    assert candidates("cuda") == ("fp16",)


def _bytes(network: object) -> int:
    held = [*network.parameters(), *network.buffers()]  # type: ignore[attr-defined]
    return sum(tensor.numel() * tensor.element_size() for tensor in held)
