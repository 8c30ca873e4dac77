"""Farnebäck's optical flow in PyTorch, for many pairs of frames at once. Needs nothing but torch.

G. Farnebäck, "Two-frame motion estimation based on polynomial expansion", SCIA 2003, with the choices that OpenCV's
calcOpticalFlowFarneback (box filter) made, so that the two agree: smoothing and sizes of the pyramid, borders, and the weight
of what lies near a border::

    frames ─▶ smoothed, shrunk, expanded: once a frame ─┬─ before ────────────┐
    (n, H, W)     (n, 5, h, w): y, x, yy, xx, xy        └─ after, moved back ─┴▶ G d = h over a box ─▶ flow d (p, 2, h, w)
                                                               ▲                                        │
                                                               └──────────── `iterations` times ────────┘
                                                      then on the next finer level, from twice that flow on

What is linear and the same for every frame (smoothing, shrinking, expansion, with their borders) is folded into pairs of
matrices, one for columns and one for rows; the rest is elementwise but for a gather and a box. Nothing depends on values and
nothing is read back, so that all of it can be captured in a CUDA graph or compiled (``torch.compile``, one graph).

On paper, for a pair of 320×180 with 1.2 frames each: 510 MFLOP of matrix products (15 would do without their zeros, in many more
kernels), 65 MFLOP of the rest; step by step 235 MB read and written in some 570 kernels a batch, 24 MB if each iteration
were two kernels. All in float32: a mean in double precision changes nothing that counts, but the products must not be
shortened to TF32, which PyTorch does only if told (``torch.set_float32_matmul_precision``). Not run on a card yet.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from scorers.flow import PARAMETERS, Parameters

MIN_SIZE = 32
"""No level is smaller than this in either direction, but for the frame itself."""

BORDER_WEIGHTS = (0.14, 0.14, 0.4472, 0.4472, 0.4472)
"""How much the outermost pixels count: their neighbourhood is half made up."""

REGULARISATION = 1e-3
"""Added to the determinant of G: where the picture is flat, the flow is zero."""


class Farneback:
    """Flow between frames of one size on one device, in float32. Holds constants only."""

    def __init__(self, height: int, width: int, *, device: str = "cpu", parameters: Parameters = PARAMETERS) -> None:
        coarsest = _halvings(height, width, parameters.levels)
        self._iterations = parameters.iterations
        self._levels = [_Level(height, width, halvings, device, parameters) for halvings in range(coarsest, -1, -1)]

    def mean_flow(self, frames: Tensor, first: Tensor) -> Tensor:
        """float32 (p,): mean length in pixels of the flow from ``frames[first[i]]`` to the frame after it.

        ``frames``: uint8 (n, height, width); ``first``: int64 (p,); both on the device, as the result is.
        """
        return torch.hypot(*self.flow(frames, first).unbind(1)).mean(dim=(1, 2))

    def flow(self, frames: Tensor, first: Tensor) -> Tensor:
        """float32 (p, 2, height, width): how far each pixel moves across and down, in pixels. Else as ``mean_flow``."""
        luma = frames.float()
        flow = luma.new_zeros(len(first), 2, 1, 1)
        for level in self._levels:
            expansions = level.expand(luma)
            before, after = expansions.index_select(0, first), expansions.index_select(0, first + 1)
            del expansions  # the iterations need the room
            flow = 2 * functional.interpolate(flow, level.size, mode="bilinear")
            for _ in range(self._iterations):
                flow = _solve(level.average(level.equations(before, after, flow)))
        return flow


def workspace_mb(height: int, width: int, *, pairs: int, frames: int, parameters: Parameters = PARAMETERS) -> float:
    """What ``mean_flow`` needs at once, in MB (10⁶ bytes), while it averages on the finest level; frames ≤ 2 · pairs.

    7.6 for each pair of 320×180. The constants, some 35 · (height² + width²) bytes, and what PyTorch's allocator and cuBLAS
    keep for themselves come on top.
    """
    border = parameters.winsize // 2 * 2
    averaging = 5 * (height + border) * (width + border) + 5 * (height + border) * width + 5 * height * width
    kept = (5 + 5 + 2 + 5) * height * width  # both expansions, the flow, the equations
    return 4 * (pairs * (kept + averaging) + frames * height * width) / 1e6


class _Level:
    """The constants of one level of the pyramid, and the steps that need them."""

    def __init__(self, height: int, width: int, halvings: int, device: str, parameters: Parameters) -> None:
        self.size = height_here, width_here = round(height / 2**halvings), round(width / 2**halvings)
        self._reach = parameters.winsize // 2
        products = _expansion(_shrinking(height, height_here, halvings), _shrinking(width, width_here, halvings), parameters)
        self._products = [(rows.float().to(device), columns.T.float().to(device)) for rows, columns in products]
        weights = torch.outer(_border_weights(height_here), _border_weights(width_here))
        self._weights = (weights * weights).to(device)  # both factors of each product are weighted
        self._x = torch.arange(width_here, dtype=torch.float32, device=device)
        self._y = torch.arange(height_here, dtype=torch.float32, device=device)[:, None]
        self._unknown = torch.tensor([0.0, 0.0, 1.0, 1.0, 1.0], device=device)[:, None, None]

    def expand(self, luma: Tensor) -> Tensor:
        """(n, H, W) to (n, 5, h, w): (y, x, yy, xx, xy), where luma around a pixel ≈ c + y·Y + x·X + yy·Y² + xx·X² + 2·xy·XY."""
        return torch.stack([rows @ luma @ columns for rows, columns in self._products], dim=1)

    def equations(self, before: Tensor, after: Tensor, flow: Tensor) -> Tensor:
        """(p, 5, h, w): each pixel's part of G (yy, xy, xx) and h (y, x), from two expansions and the flow so far."""
        moved = self._moved_back(before, after, flow)
        y, x = ((before[:, :2] - moved[:, :2]) / 2).unbind(1)
        yy, xx, xy = ((before[:, 2:] + moved[:, 2:]) / 2).unbind(1)
        across, down = flow.unbind(1)
        y, x = y + _sum(yy, down, xy, across), x + _sum(xy, down, xx, across)
        parts = (_sum(yy, yy, xy, xy), (yy + xx) * xy, _sum(xx, xx, xy, xy), _sum(yy, y, xy, x), _sum(xy, y, xx, x))
        return torch.stack(parts, dim=1).mul_(self._weights)

    def _moved_back(self, before: Tensor, after: Tensor, flow: Tensor) -> Tensor:
        """``after`` where the flow leads. What lies outside is unknown: no slope, and the curvature as it was before."""
        height, width = self.size
        x, y = self._x + flow[:, 0], self._y + flow[:, 1]
        inside = (x >= 0) & (x < width - 1) & (y >= 0) & (y < height - 1)
        place = torch.stack((x * (2 / max(width - 1, 1)) - 1, y * (2 / max(height - 1, 1)) - 1), dim=-1)
        moved = functional.grid_sample(after, place, mode="bilinear", padding_mode="border", align_corners=True)
        return torch.where(inside[:, None], moved, before * self._unknown)

    def average(self, equations: Tensor) -> Tensor:
        """Mean over a box around each pixel, the border repeated."""
        reach, side = self._reach, 2 * self._reach + 1
        padded = functional.pad(equations, (reach, reach, reach, reach), mode="replicate")
        return functional.avg_pool2d(functional.avg_pool2d(padded, (1, side), 1), (side, 1), 1)


def _solve(equations: Tensor) -> Tensor:
    """(p, 2, h, w): the flow across and down that fits best."""
    yy, xy, xx, y, x = equations.unbind(1)
    scale = 1 / (_sum(yy, xx, -xy, xy) + REGULARISATION)
    return torch.stack((_sum(yy, x, -xy, y) * scale, _sum(xx, y, -xy, x) * scale), dim=1)


def _sum(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """a·b + c·d, in two passes over memory instead of three."""
    return (a * b).addcmul_(c, d)


# ---- constants --------------------------------------------------------------------------------------------------------


def _halvings(height: int, width: int, at_most: int) -> int:
    return next((halvings for halvings in range(at_most) if min(height, width) / 2 ** (halvings + 1) < MIN_SIZE), at_most)


def _expansion(shrink_rows: Tensor, shrink_columns: Tensor, parameters: Parameters) -> list[tuple[Tensor, Tensor]]:
    """For each of y, x, yy, xx, xy the two matrices, (h, H) and (w, W), that take a frame to that coefficient.

    The weighted least-squares fit of a quadratic: moments of the neighbourhood, times the inverse of their Gram matrix.
    """
    reach, sigma = parameters.poly_n, parameters.poly_sigma
    steps = torch.arange(-reach, reach + 1, dtype=torch.float64)
    weights = _gaussian(steps, sigma)
    second, fourth = float((weights * steps**2).sum()), float((weights * steps**4).sum())
    kernels = weights, weights * steps / second, weights * (steps**2 - second) / (fourth - second**2)
    mean_y, slope_y, curve_y = (_filter(len(shrink_rows), kernel, _repeated) @ shrink_rows for kernel in kernels)
    mean_x, slope_x, curve_x = (_filter(len(shrink_columns), kernel, _repeated) @ shrink_columns for kernel in kernels)
    return [(slope_y, mean_x), (mean_y, slope_x), (curve_y, mean_x), (mean_y, curve_x), (slope_y, slope_x / 2)]


def _shrinking(length: int, small: int, halvings: int) -> Tensor:
    """(small, length): smoothing as befits the level, then linear interpolation between pixel centres."""
    sigma = (2**halvings - 1) / 2
    reach = max(round(sigma * 5) // 2, 1)
    steps = torch.arange(-reach, reach + 1, dtype=torch.float64)
    kernel = _gaussian(steps, sigma) if sigma else torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64)
    places = ((torch.arange(small, dtype=torch.float64) + 0.5) * (length / small) - 0.5).clamp(0, length - 1)
    interpolation = (1 - (places[:, None] - torch.arange(length, dtype=torch.float64)).abs()).clamp(min=0)
    return interpolation @ _filter(length, kernel, _mirrored)


def _filter(length: int, kernel: Tensor, border: Callable[[Tensor, int], Tensor]) -> Tensor:
    """(length, length): the correlation with a kernel, where ``border`` says which pixel stands for one outside."""
    reach = len(kernel) // 2
    places = torch.arange(length)[:, None] + torch.arange(-reach, reach + 1)
    return torch.zeros(length, length, dtype=torch.float64).scatter_add_(1, border(places, length), kernel.expand(length, -1))


def _repeated(places: Tensor, length: int) -> Tensor:
    return places.clamp(0, length - 1)


def _mirrored(places: Tensor, length: int) -> Tensor:
    """Around the outermost pixel, which is not repeated."""
    period = max(2 * (length - 1), 1)
    return torch.minimum(places % period, period - places % period)


def _gaussian(steps: Tensor, sigma: float) -> Tensor:
    weights = torch.exp(-(steps**2) / (2 * sigma**2))
    return weights / weights.sum()


def _border_weights(length: int) -> Tensor:
    weights = torch.ones(length)
    for place, weight in enumerate(BORDER_WEIGHTS[:length]):
        weights[place] *= weight
        weights[length - 1 - place] *= weight
    return weights
