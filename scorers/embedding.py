"""Pictures to embedding vectors, by the image tower of a CLIP model. The scorers that are heads on embeddings share it."""

import ctypes
import os
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scorers.arithmetic import FLOAT32, OPENVINO, converted, input_type
from scorers.footprint import Footprint, count_activations, footprint
from scorers.quickest import quickest
from scorers.tower import give_memory_back, load_tower
from scorers.weights import Weights
from stream_processor.errors import ScorerError

MAX_BATCH = 32
"""Pictures in one forward pass at most: bounds the memory that it takes."""

FASTEST = "fastest"
"""For ``load_embedder``: let it choose."""

Pictures = Any
"""uint8 (m, height, width, 3): a numpy array or a torch tensor."""

Embeddings = npt.NDArray[np.float32]


def choose_device(kind: str) -> str:
    """``auto``, ``cpu``, ``cuda`` or ``cuda:N`` to what torch takes. ScorerError: a CUDA device that is not there."""
    if kind == "cpu" or (kind == "auto" and not _has_driver()):
        return "cpu"
    import torch

    if kind == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    number = int(kind.partition(":")[2] or 0)
    if number >= torch.cuda.device_count():
        raise ScorerError(f"device.kind: {kind} is asked for, and torch sees {torch.cuda.device_count()} CUDA devices")
    return kind


def _has_driver() -> bool:
    """Without NVIDIA's driver there is no card: PyTorch, which takes seconds to import, need not be asked."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


class Embedder:
    """The image tower of one model on one device. Made by ``load_embedder``, which is slow; used by one thread at a time.

    ``picture_size`` is the length in pixels to which the shorter side of a picture is best scaled beforehand. ``arithmetic`` is
    what it computes in, ``footprint`` what memory that takes. ``max_batch``: pictures in one forward pass at the most; it may
    be changed at any time. The last bits of an embedding depend on the batch that it was computed in (about 1e-6 in fp32).
    """

    def __init__(self, tower: Any, *, device: str, arithmetic: str = FLOAT32) -> None:
        """``tower`` is open_clip's, in float32 and on the CPU."""
        import torch

        preprocess = tower.preprocess_cfg
        size: int | tuple[int, int] = preprocess["size"]
        self._height, self._width = (size, size) if isinstance(size, int) else size
        self._squashes = preprocess["resize_mode"] == "squash"
        self._interpolation = "bicubic" if preprocess["interpolation"] == "bicubic" else "bilinear"
        self._mean = torch.tensor(preprocess["mean"], device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(preprocess["std"], device=device).view(1, 3, 1, 1)
        self._type = input_type(arithmetic)
        self._tower: Any
        if arithmetic in OPENVINO:
            from scorers.openvino_tower import OpenVinoTower

            self._tower = OpenVinoTower(tower, picture=(self._height, self._width), precision=OPENVINO[arithmetic])
        else:
            self._tower = converted(tower, arithmetic).to(device=device, memory_format=torch.channels_last)
        self.arithmetic = arithmetic
        self.device = device
        self.max_batch = MAX_BATCH
        self.picture_size = max(self._height, self._width)

    def embed(self, pictures: Sequence[Pictures]) -> list[Embeddings]:
        """For each uint8 (m, height, width, 3) its embeddings, float32 (m, d), of length one. Sizes may differ.

        Pictures are numpy arrays or torch tensors on any device. They are waited for once, at the end.
        """
        import torch

        torch.get_num_threads()  # in a new thread OpenMP would otherwise begin with its own number of threads
        with torch.inference_mode():
            parts = [self._forward(self._inputs(run)) for run in _runs(pictures, self.max_batch)]
            vectors: Embeddings = torch.cat(parts).cpu().numpy()
        return np.split(vectors, np.cumsum([len(group) for group in pictures])[:-1])

    def footprint(self) -> Footprint:
        """What memory it takes on its device; runs one picture through."""
        if self.arithmetic in OPENVINO:
            known: Footprint = self._tower.footprint
            return known
        import torch

        with torch.inference_mode():
            inputs = torch.zeros(1, 3, self._height, self._width, dtype=self._type, device=self.device)
            return footprint(
                self._tower,
                picture=(self._height, self._width),
                activations=count_activations(self._tower, inputs),
                itemsize=inputs.element_size(),
            )

    def _inputs(self, run: Sequence[Pictures]) -> Any:
        """What ``_forward`` takes: pictures of one size are uploaded and prepared together."""
        import torch

        alike = groupby(run, key=lambda group: (type(group), group.shape[1:3]))
        return torch.cat([self._prepare(self._upload(list(groups))) for _, groups in alike])

    def _upload(self, groups: Sequence[Pictures]) -> Any:
        """uint8 (m, height, width, 3) on the device. From the host through pinned memory: such a copy need not be waited for."""
        import torch

        if not isinstance(groups[0], np.ndarray):
            return torch.cat([group.to(self.device, non_blocking=True) for group in groups])
        shape = (sum(map(len, groups)), *groups[0].shape[1:])
        block = torch.empty(shape, dtype=torch.uint8, pin_memory=self.device.startswith("cuda"))
        np.concatenate(groups, out=block.numpy())
        return block.to(self.device, non_blocking=True)

    def _prepare(self, rgb: Any) -> Any:
        """The model's own preprocessing, as open_clip's inference transform does it, for a whole group."""
        from torch.nn import functional

        x = rgb.permute(0, 3, 1, 2).float() / 255
        height, width = x.shape[2:]
        scale = max(self._height / height, self._width / width)
        wanted = (self._height, self._width) if self._squashes else (round(height * scale), round(width * scale))
        if wanted != (height, width):
            x = functional.interpolate(x, wanted, mode=self._interpolation, antialias=True).clamp(0, 1)
        top, left = (wanted[0] - self._height) // 2, (wanted[1] - self._width) // 2
        x = x[:, :, top : top + self._height, left : left + self._width]
        return ((x - self._mean) / self._std).to(self._type)

    def _forward(self, inputs: Any) -> Any:
        """Nothing here depends on what the pictures show or waits for the device: a CUDA graph can capture it."""
        from torch.nn import functional

        features = self._tower(inputs)
        if isinstance(features, tuple):  # CoCa's tower gives its tokens too
            features = features[0]
        return functional.normalize(features.float(), dim=-1)


def load_embedder(
    weights: Weights, path: Path, *, device: str, arithmetic: str = FLOAT32, threads: int = 0, max_mb: float = 0.0
) -> Embedder:
    """Build the model, load ``path`` into it, keep the image tower.

    ``arithmetic`` is one of ``arithmetic.ARITHMETICS`` or ``OPENVINO``, or ``fastest``: what is quickest on the device and,
    tried with these weights, exact enough. ``threads`` compute, never more than the machine has; 0: as many as PyTorch takes
    by itself. It must do with ``max_mb`` of the device's memory; 0: no limit. ScorerError: the file does not hold that
    model's weights, or it does not fit into ``max_mb``.
    """
    import torch

    if threads:
        torch.set_num_threads(min(threads, os.cpu_count() or 1))
    embedder = _loaded(weights, path, device, arithmetic, max_mb)
    give_memory_back()  # the tower in 32 bits is gone by now, if it is not what embeds
    return embedder


def _loaded(weights: Weights, path: Path, device: str, arithmetic: str, max_mb: float) -> Embedder:
    tower = load_tower(weights, path)

    def make(on: str, arithmetic: str) -> Embedder:
        embedder = Embedder(tower, device=on, arithmetic=arithmetic)
        if max_mb and on == device:
            _bound(embedder, weights.model, max_mb)
        return embedder

    return quickest(make, seconds_to_embed, device) if arithmetic == FASTEST else make(device, arithmetic)


def seconds_to_embed(embedder: Embedder, pictures: Sequence[Pictures], *, rounds: int = 5) -> float:
    """The best of some rounds, after one that does not count: the first makes buffers and kernels."""
    embedder.embed(pictures)
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        embedder.embed(pictures)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _bound(embedder: Embedder, model: str, max_mb: float) -> None:
    needed = embedder.footprint()
    embedder.max_batch = min(MAX_BATCH, needed.most_pictures(max_mb))
    if embedder.max_batch < 1:
        raise ScorerError(f"device.max_mb: {model} takes {needed.mb(1):.0f} MB, and {max_mb:.0f} MB are left for it")


def _runs(groups: Sequence[Pictures], most: int) -> Iterator[list[Pictures]]:
    """The groups in their order, cut so that each run has ``most`` pictures, the last one the rest."""
    run: list[Pictures] = []
    room = most
    for group in groups:
        at = 0
        while at < len(group):
            part = group[at : at + room]
            run.append(part)
            at += len(part)
            room -= len(part)
            if room == 0:
                yield run
                run, room = [], most
    if run:
        yield run
