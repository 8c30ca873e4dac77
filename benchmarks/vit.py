"""CLIP's ViT-B/32 image tower in plain PyTorch, for timing where open_clip is missing: the same shapes, weights made up.

A. Dosovitskiy et al., "An image is worth 16×16 words", ICLR 2021, with the QuickGELU that A. Radford et al. trained CLIP with.
"""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

Tensor = torch.Tensor


class Shape(NamedTuple):
    """``size`` and ``patch`` in pixels; ``out`` is the embedding's length."""

    size: int = 224
    patch: int = 32
    width: int = 768
    layers: int = 12
    heads: int = 12
    out: int = 512

    @property
    def tokens(self) -> int:
        """The patches and the class."""
        return (self.size // self.patch) ** 2 + 1

    @property
    def parameters(self) -> int:
        """Weights of the large matrices: all that counts."""
        return 3 * self.patch**2 * self.width + self.layers * 12 * self.width**2 + self.width * self.out

    @property
    def flops(self) -> float:
        """Per picture, a multiplication and an addition counted as two."""
        patches = 2.0 * (self.tokens - 1) * 3 * self.patch**2 * self.width
        linear = 2.0 * self.tokens * 12 * self.width**2
        attention = 4.0 * self.tokens**2 * self.width
        return patches + self.layers * (linear + attention) + 2.0 * self.width * self.out


B32 = Shape()
TINY = Shape(size=64, width=64, layers=2, heads=2, out=32)
"""For a dry run."""


class Tower(nn.Module):
    """float (n, 3, size, size) to (n, out)."""

    def __init__(self, shape: Shape = B32) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, shape.width, shape.patch, shape.patch, bias=False)
        self.first = nn.Parameter(torch.randn(shape.width) / shape.width**0.5)
        self.places = nn.Parameter(torch.randn(shape.tokens, shape.width) / shape.width**0.5)
        self.before = nn.LayerNorm(shape.width)
        self.blocks = nn.Sequential(*(_Block(shape) for _ in range(shape.layers)))
        self.after = nn.LayerNorm(shape.width)
        self.project = nn.Linear(shape.width, shape.out, bias=False)

    def forward(self, pictures: Tensor) -> Tensor:
        tokens = self.patches(pictures).flatten(2).transpose(1, 2)
        first = self.first.expand(len(tokens), 1, -1)
        tokens = self.before(torch.cat([first, tokens], dim=1) + self.places)
        embedded: Tensor = self.project(self.after(self.blocks(tokens)[:, 0]))
        return embedded


class _Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(shape.width), nn.LayerNorm(shape.width)
        self.queries_keys_values = nn.Linear(shape.width, 3 * shape.width)
        self.out = nn.Linear(shape.width, shape.width)
        self.up, self.down = nn.Linear(shape.width, 4 * shape.width), nn.Linear(4 * shape.width, shape.width)

    def forward(self, tokens: Tensor) -> Tensor:
        n, count, width = tokens.shape
        parts = self.queries_keys_values(self.attention_norm(tokens)).view(n, count, 3, self.heads, width // self.heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(queries, keys, values)
        tokens = tokens + self.out(seen.transpose(1, 2).reshape(n, count, width))
        raised = self.up(self.mlp_norm(tokens))
        moved: Tensor = tokens + self.down(raised * torch.sigmoid(1.702 * raised))
        return moved
