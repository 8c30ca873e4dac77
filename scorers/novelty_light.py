"""How much the picture differs from a second ago, by a classical descriptor: no weights, no GPU, a fraction of a millisecond."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from scorers.delta import Recent, deltas
from stream_processor.records import Frames, Pane, Samples

WIDTH, HEIGHT = 64, 36
"""Every frame is averaged down to this size first, so that neither its size nor fine noise matters."""

COLUMNS, ROWS = 4, 3
BINS = 8
DIMENSIONS = COLUMNS * ROWS * 4 * BINS
EDGE_FLOOR = 6.0
"""Luma steps per pixel of the small picture below which there is no edge: what is left of noise after averaging."""
EDGE_FULL = 64.0
"""Mean edge strength in a cell at which its edges weigh as much as its luma."""

Floats = npt.NDArray[np.float64]


class LightNovelty:
    """1 − cos between a frame's descriptor and the one nearest one second before it: 0 the same picture, 1 unrelated.

    The descriptor has, for each cell of a 4 × 3 grid, histograms of Y, U and V (8 bins, compared as Hellinger does) and of
    the gradient's direction (8 bins, weighted with its strength, as in N. Dalal and B. Triggs, "Histograms of oriented
    gradients for human detection", CVPR 2005). A cell without edges has none, so that noise in black has no direction.
    """

    signal = "novelty"
    keeps = "both"

    def start(self) -> Recent:
        return Recent()

    def score(self, batch: Sequence[tuple[Recent, Pane]]) -> list[Samples]:
        return [_score_pane(recent, pane) for recent, pane in batch]


def _score_pane(recent: Recent, pane: Pane) -> Samples:
    if pane.frames is None:
        return Samples.none()
    return deltas(recent, pane.frames.times.tolist(), list(describe(pane.frames.host)))


def describe(frames: Frames) -> Floats:
    """Descriptors of unit length, float64 (n, 384)."""
    height, width = frames.height, frames.planes.shape[2]
    chroma = frames.planes[:, height:].reshape(-1, 2, height // 2, width // 2)
    n = len(frames.times)
    y = _shrink(frames.luma, WIDTH, HEIGHT)
    u = _shrink(chroma[:, 0], WIDTH // 2, HEIGHT // 2)
    v = _shrink(chroma[:, 1], WIDTH // 2, HEIGHT // 2)
    parts = [_value_histograms(plane) for plane in (y, u, v)]
    described = np.concatenate([*parts, _edge_histograms(y)], axis=2).reshape(n, DIMENSIONS)
    lengths: Floats = np.linalg.norm(described, axis=1, keepdims=True)  # never zero: every pixel has a luma
    return described / lengths


def _shrink(images: npt.NDArray[np.uint8], width: int, height: int) -> Floats:
    """(n, h, w) to (n, height, width) by averaging; float before, so that nothing is rounded away."""
    out = np.empty((len(images), height, width))
    for small, image in zip(out, images, strict=True):
        small[:] = cv2.resize(image.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return out


def _cells(height: int, width: int) -> npt.NDArray[np.int64]:
    """(height, width): the number of the cell that each pixel lies in."""
    rows = np.arange(height) * ROWS // height
    columns = np.arange(width) * COLUMNS // width
    return rows[:, None] * COLUMNS + columns[None, :]


def _histograms(bins: Floats, weights: Floats, *, circular: bool) -> Floats:
    """Histograms per frame and cell, (n, cells, BINS): each pixel is shared between the two nearest bins.

    ``bins`` (n, h, w) are positions among the bin centres 0 … BINS − 1; sharing makes the histogram change smoothly.
    """
    n, height, width = bins.shape
    low = np.floor(bins).astype(np.int64)
    share = bins - low
    high = (low + 1) % BINS if circular else np.minimum(low + 1, BINS - 1)
    cell = np.arange(n)[:, None, None] * (ROWS * COLUMNS) + _cells(height, width)
    size = n * ROWS * COLUMNS * BINS
    low_part = np.bincount((cell * BINS + low).ravel(), ((1 - share) * weights).ravel(), size)
    high_part = np.bincount((cell * BINS + high).ravel(), (share * weights).ravel(), size)
    pixels_per_cell = height * width / (ROWS * COLUMNS)
    shares: Floats = (low_part + high_part).reshape(n, ROWS * COLUMNS, BINS) / pixels_per_cell
    return shares


def _value_histograms(plane: Floats) -> Floats:
    """Square roots of the shares of pixels, so that the scalar product is Bhattacharyya's coefficient."""
    positions = np.clip(plane, 0, 255) * ((BINS - 1) / 255)
    roots: Floats = np.sqrt(_histograms(positions, np.ones_like(plane), circular=False))
    return roots


def _edge_histograms(y: Floats) -> Floats:
    across = np.zeros_like(y)
    down = np.zeros_like(y)
    across[:, :, 1:-1] = (y[:, :, 2:] - y[:, :, :-2]) / 2
    down[:, 1:-1] = (y[:, 2:] - y[:, :-2]) / 2
    strength = np.maximum(np.hypot(across, down) - EDGE_FLOOR, 0)
    direction = np.arctan2(down, across) % np.pi * (BINS / np.pi)
    positions = np.where(direction >= BINS, 0.0, direction)  # the remainder may round up to a whole turn
    roots: Floats = np.sqrt(_histograms(positions, strength / EDGE_FULL, circular=True))
    return roots
