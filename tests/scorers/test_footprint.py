"""Memory worked out beforehand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.embedding import load_embedder
from scorers.footprint import Footprint, count_activations, footprint
from scorers.weights import find_weights
from tests.scorers.conftest import TinyClip


@given(st.floats(0.1, 2000), st.floats(0.01, 50), st.floats(1, 4000))
def test_the_most_pictures_that_fit_do_fit_and_one_more_does_not(weights_mb: float, picture_mb: float, max_mb: float) -> None:
    needed = Footprint(weights_mb, picture_mb)
    most = needed.most_pictures(max_mb)
    assert most == 0 or needed.mb(most) <= max_mb * (1 + 1e-9)
    assert needed.mb(most + 1) > max_mb * (1 - 1e-9)


def test_the_largest_layer_counts_with_what_goes_in_and_comes_out(tiny_clip: TinyClip) -> None:
    import torch

    network = torch.nn.Sequential(torch.nn.Linear(10, 100), torch.nn.ReLU(), torch.nn.Linear(100, 1))
    assert count_activations(network, torch.zeros(3, 10)) == 3 * (100 + 100)


def test_weights_are_counted_as_they_lie_in_memory(tiny_clip: TinyClip) -> None:
    import torch

    network = torch.nn.Linear(1000, 1000).half()
    assert footprint(network, picture=(32, 32), activations=1, itemsize=2).weights_mb == pytest.approx(2.002)


def test_half_precision_takes_half(tiny_clip: TinyClip) -> None:
    weights = find_weights(tiny_clip.model, str(tiny_clip.checkpoint))
    half = load_embedder(weights, tiny_clip.checkpoint, device="cpu", arithmetic="bf16").footprint()
    whole = tiny_clip.embedder.footprint()
    assert half.weights_mb == pytest.approx(whole.weights_mb / 2)
    assert half.picture_mb < whole.picture_mb


@pytest.mark.cuda
def test_a_card_needs_no_more_than_was_worked_out(tiny_clip: TinyClip) -> None:
    import numpy as np
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    weights = find_weights(tiny_clip.model, str(tiny_clip.checkpoint))
    before = torch.cuda.memory_allocated()
    embedder = load_embedder(weights, tiny_clip.checkpoint, device="cuda", arithmetic="fp16")
    embedder.embed([np.zeros((2, 32, 56, 3), np.uint8)])
    torch.cuda.reset_peak_memory_stats()
    embedder.embed([np.zeros((32, 32, 56, 3), np.uint8)])
    cublas_workspace_mb = 40
    assert (torch.cuda.max_memory_allocated() - before) / 1e6 < embedder.footprint().mb(32) + cublas_workspace_mb
