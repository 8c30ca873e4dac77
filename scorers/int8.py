"""The linear layers of a network in eight bits, on CPUs whose instructions multiply bytes (VNNI).

Weights are rounded once, with a step for each output; activations as they come, with a step for each row, that is for each
patch of each picture: so what comes out for a picture does not depend on the others in its batch. Sums are exact, in 32 bits.
"LLM.int8()" calls this vector-wise quantisation (T. Dettmers et al., NeurIPS 2022).
"""

import copy
from typing import Any

import torch
from torch import nn
from torch.nn import functional

_LARGEST = 127
_TINY = 1e-12
"""Least step: a row of zeros stays one."""


class ByteLinear(nn.Module):  # type: ignore[misc]  # mypy does not follow torch
    """``nn.Linear`` for inference on a CPU: float32 (…, inputs) to float32 (…, outputs). A quarter of its memory."""

    steps: torch.Tensor
    weight_in_bytes: torch.Tensor
    bias: torch.Tensor | None

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        """``weight`` float (outputs, inputs), ``bias`` float (outputs,)."""
        super().__init__()
        steps = weight.detach().float().abs().amax(dim=1).clamp_min(_TINY) / _LARGEST
        self.register_buffer("steps", steps)
        self.register_buffer("weight_in_bytes", (weight.detach() / steps[:, None]).round().to(torch.int8).t())
        self.register_buffer("bias", None if bias is None else bias.detach().clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        # Both ends apart: aminmax over a dimension is fifteen times slower, and an absolute value would be one more pass.
        furthest = torch.maximum(rows.amax(dim=1, keepdim=True), rows.amin(dim=1, keepdim=True).neg_())
        steps = furthest.clamp_min_(_TINY).div_(_LARGEST)
        in_bytes = rows.div(steps).round_().to(torch.int8)
        y = torch._int_mm(in_bytes, self.weight_in_bytes).to(torch.float32).mul_(steps).mul_(self.steps)  # noqa: SLF001
        if self.bias is not None:
            y.add_(self.bias)
        return y.view(*x.shape[:-1], -1)


class ByteAttention(nn.Module):  # type: ignore[misc]  # mypy does not follow torch
    """``nn.MultiheadAttention`` (batch first, one width, no bias in keys) with its four projections in eight bits."""

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        self.heads = attention.num_heads
        self.into = ByteLinear(attention.in_proj_weight, attention.in_proj_bias)
        self.out = ByteLinear(attention.out_proj.weight, attention.out_proj.bias)

    def forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        *,
        need_weights: bool = False,
        attn_mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, None]:
        """float32 (pictures, patches, width), as ``nn.MultiheadAttention`` takes them. Weights are never given."""
        projected = self.into(query).chunk(3, dim=-1)
        if key is not query or value is not query:
            projected = projected[0], self.into(key).chunk(3, dim=-1)[1], self.into(value).chunk(3, dim=-1)[2]
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in projected)
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask)
        return self.out(y.transpose(1, 2).flatten(2)), None


def in_bytes(network: Any) -> Any:
    """A copy of a float32 network on the CPU, its linear layers in eight bits. All else is copied as it is."""
    replaced: dict[int, Any] = {}
    for module in network.modules():
        if isinstance(module, nn.MultiheadAttention) and _is_plain(module):
            replaced[id(module)] = ByteAttention(module)
        elif type(module) is nn.Linear:
            replaced[id(module)] = ByteLinear(module.weight, module.bias)
    return copy.deepcopy(network, replaced)


def _is_plain(attention: nn.MultiheadAttention) -> bool:
    one_width = attention.in_proj_weight is not None
    return one_width and attention.batch_first and attention.bias_k is None and not attention.add_zero_attn
