"""Linear layers in eight bits: how far off they may be, and what they may not depend on."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def layer(outputs: int, inputs: int, seed: int, scale: float = 1.0) -> Any:
    import torch

    linear = torch.nn.Linear(inputs, outputs).requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    linear.weight.copy_(torch.randn(outputs, inputs, generator=generator) * scale)
    linear.bias.copy_(torch.randn(outputs, generator=generator))
    return linear


def rows(count: int, inputs: int, seed: int) -> Any:
    """Rows of very different size, as the patches of pictures are."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, inputs, generator=generator) * torch.logspace(-3, 3, count)[:, None]


def in_bytes(linear: Any) -> Any:
    from scorers.int8 import ByteLinear

    return ByteLinear(linear.weight, linear.bias)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 70), st.integers(1, 40), st.integers(0, 99), st.sampled_from([1e-4, 1.0, 1e3]))
def test_a_product_is_off_by_no_more_than_half_a_step_of_each_factor(
    count: int, inputs: int, outputs: int, seed: int, scale: float
) -> None:
    linear, x = layer(outputs, inputs, seed, scale), rows(count, inputs, seed)
    x_steps = x.abs().amax(1, keepdim=True).numpy() / 127
    w_steps = linear.weight.abs().amax(1).numpy() / 127
    x_sums, w_sums = x.abs().sum(1, keepdim=True).numpy(), linear.weight.abs().sum(1).numpy()
    exact = x.double() @ linear.weight.double().T + linear.bias.double()
    bound = (x_sums * w_steps + w_sums * x_steps) / 2 + inputs * x_steps * w_steps / 4
    error = np.abs(in_bytes(linear)(x).double().numpy() - exact.numpy())
    assert (error <= bound * 1.001 + 1e-5 * (1 + np.abs(exact.numpy()))).all()


def test_a_row_comes_out_the_same_to_the_last_bit_whatever_is_computed_beside_it() -> None:
    linear, x = in_bytes(layer(96, 64, seed=1)), rows(12, 64, seed=2)
    together = linear(x)
    for n in range(12):
        np.testing.assert_array_equal(linear(x[n : n + 1])[0].numpy(), together[n].numpy())


def test_rows_may_be_arranged_in_any_shape_and_zeros_give_the_bias() -> None:
    import torch

    linear = in_bytes(layer(8, 16, seed=1))
    x = rows(6, 16, seed=3)
    np.testing.assert_array_equal(linear(x.view(2, 3, 16)).numpy(), linear(x).view(2, 3, 8).numpy())
    np.testing.assert_array_equal(linear(torch.zeros(1, 16))[0].numpy(), linear.bias.numpy())


@pytest.mark.parametrize("is_self_attention", [True, False])
@pytest.mark.parametrize("is_masked", [True, False])
def test_attention_is_that_of_pytorch(*, is_self_attention: bool, is_masked: bool) -> None:
    import torch

    from scorers.int8 import ByteAttention

    torch.manual_seed(1)
    attention = torch.nn.MultiheadAttention(64, 4, batch_first=True).eval().requires_grad_(False)
    query = torch.randn(2, 5, 64)
    other = query if is_self_attention else torch.randn(2, 5, 64)
    mask = torch.triu(torch.full((5, 5), float("-inf")), diagonal=1) if is_masked else None
    expected, _ = attention(query, other, other, need_weights=False, attn_mask=mask)
    got, weights = ByteAttention(attention)(query, other, other, need_weights=False, attn_mask=mask)
    assert weights is None
    cosines = torch.nn.functional.cosine_similarity(got, expected, dim=-1)
    assert cosines.min() > 0.999


def test_a_network_is_copied_with_its_linear_layers_in_bytes_and_stays_as_it_was() -> None:
    import torch

    from scorers.int8 import ByteAttention, ByteLinear
    from scorers.int8 import in_bytes as copy_in_bytes

    network = torch.nn.ModuleDict(
        {
            "shared": (shared := torch.nn.Linear(8, 8)),
            "again": shared,
            "norm": torch.nn.LayerNorm(8),
            "attention": torch.nn.MultiheadAttention(8, 2, batch_first=True),
            "cross": torch.nn.MultiheadAttention(8, 2, kdim=4, vdim=4, batch_first=True),
        }
    )
    copied = copy_in_bytes(network)
    assert copied["shared"] is copied["again"]
    assert [type(module) for module in copied.values()] == [
        ByteLinear,
        ByteLinear,
        torch.nn.LayerNorm,
        ByteAttention,
        torch.nn.MultiheadAttention,  # keys of another width: left as it is
    ]
    assert type(network["shared"]) is torch.nn.Linear
    assert copied["norm"] is not network["norm"]
