"""Pictures to embedding vectors, by the image tower of a CLIP model. The scorers that are heads on embeddings share it."""

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scorers.weights import Weights
from stream_processor.errors import ScorerError

MAX_BATCH = 32
"""Pictures in one forward pass at most: bounds the memory that it takes."""

Pictures = npt.NDArray[np.uint8]
Embeddings = npt.NDArray[np.float32]


def choose_device(kind: str) -> str:
    """``auto``, ``cpu``, ``cuda`` or ``cuda:N`` to what torch takes. ScorerError: a CUDA device that is not there."""
    if kind == "cpu":
        return "cpu"
    import torch

    if kind == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    number = int(kind.partition(":")[2] or 0)
    if number >= torch.cuda.device_count():
        raise ScorerError(f"device.kind: {kind} is asked for, and torch sees {torch.cuda.device_count()} CUDA devices")
    return kind


class Embedder:
    """The image tower of one model on one device. Made by ``load_embedder``, which is slow; used by one thread.

    ``picture_size`` is the length in pixels to which the shorter side of a picture is best scaled beforehand.
    The last bits of an embedding depend on the batch that it was computed in (about 1e-6).
    """

    def __init__(self, tower: Any, *, device: str) -> None:
        import torch

        preprocess = tower.preprocess_cfg
        size: int | tuple[int, int] = preprocess["size"]
        self._tower = tower
        self._device = device
        self._height, self._width = (size, size) if isinstance(size, int) else size
        self._squashes = preprocess["resize_mode"] == "squash"
        self._interpolation = "bicubic" if preprocess["interpolation"] == "bicubic" else "bilinear"
        self._mean = torch.tensor(preprocess["mean"], device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(preprocess["std"], device=device).view(1, 3, 1, 1)
        self.picture_size = max(self._height, self._width)
        self.device = device

    def embed(self, pictures: Sequence[Pictures]) -> list[Embeddings]:
        """For each uint8 (m, height, width, 3) its embeddings, float32 (m, d), of length one. Sizes may differ."""
        import torch

        with torch.inference_mode():
            inputs = torch.cat([self._prepare(group) for group in pictures])
            parts = [self._forward(inputs[at : at + MAX_BATCH]) for at in range(0, len(inputs), MAX_BATCH)]
            vectors: Embeddings = torch.cat(parts).cpu().numpy()
        return np.split(vectors, np.cumsum([len(group) for group in pictures])[:-1])

    def _prepare(self, rgb: Pictures) -> Any:
        """The model's own preprocessing, as open_clip's inference transform does it, for a whole group."""
        import torch
        from torch.nn import functional

        x = torch.tensor(rgb, device=self._device).permute(0, 3, 1, 2).float() / 255
        height, width = x.shape[2:]
        scale = max(self._height / height, self._width / width)
        wanted = (self._height, self._width) if self._squashes else (round(height * scale), round(width * scale))
        if wanted != (height, width):
            x = functional.interpolate(x, wanted, mode=self._interpolation, antialias=True).clamp(0, 1)
        top, left = (wanted[0] - self._height) // 2, (wanted[1] - self._width) // 2
        x = x[:, :, top : top + self._height, left : left + self._width]
        return (x - self._mean) / self._std

    def _forward(self, inputs: Any) -> Any:
        from torch.nn import functional

        features = self._tower(inputs)
        if isinstance(features, tuple):  # CoCa's tower gives its tokens too
            features = features[0]
        return functional.normalize(features.float(), dim=-1)


def load_embedder(weights: Weights, path: Path, *, device: str) -> Embedder:
    """Build the model, load ``path`` into it, keep the image tower. ScorerError: the file does not hold that model's weights."""
    import open_clip
    from safetensors import SafetensorError

    unfit = (RuntimeError, ValueError, LookupError, TypeError, AttributeError, StopIteration, EOFError, OSError)
    try:
        model = open_clip.create_model(
            weights.model, str(path), force_preprocess_cfg=dict(weights.preprocess), require_pretrained=True, device="cpu"
        )
        if weights.checkpoint is not None:
            _check_positions(model.visual, open_clip.factory.load_state_dict(str(path)))
        tower = model.visual.eval().requires_grad_(False).to(device)
    except (*unfit, pickle.PickleError, SafetensorError) as error:
        what = weights.checkpoint or repr(weights.tag)
        raise ScorerError(f"novelty.pretrained: {what} does not hold weights of {weights.model} ({_in_short(error)})") from error
    return Embedder(tower, device=device)


def _check_positions(tower: Any, state: Mapping[str, Any]) -> None:
    """A model for another picture size would fit after open_clip has stretched its position embedding, without a word."""
    built = getattr(tower, "positional_embedding", None)
    saved = state.get("visual.positional_embedding")
    if built is not None and saved is not None and built.shape != saved.shape:
        raise ValueError(f"it is for {saved.shape[0]} patches, not {built.shape[0]}")


def _in_short(error: Exception) -> str:
    """The first two lines of PyTorch's long lists, as one of bearable length."""
    text = " ".join(line.strip() for line in str(error).strip().splitlines()[:2])
    return text[:160] + "…" if len(text) > 160 else text or type(error).__name__
