"""How pleasing the picture is, by what people said of others."""

from pathlib import Path
from typing import Any

import numpy as np

from scorers.heads import Linear
from scorers.tower import in_short
from stream_processor.errors import ScorerError


def load_head(path: Path, *, dimensions: int, model: str) -> Linear:
    """LAION's linear head: what people would rate the picture from 1 to 10, about (it may be below and above).

    C. Schuhmann, LAION-Aesthetics V1, 2022 (github.com/LAION-AI/aesthetic-predictor): a linear regression of ratings on CLIP
    embeddings of length one. ``dimensions`` are those of ``model``'s embeddings. The file is read without running anything in it.
    ScorerError: it is no such head, or one for another model. Imports PyTorch.
    """
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        weight, bias = _numbers(state["weight"]), _numbers(state["bias"])
    except Exception as error:  # a file can be wrong in any way, and so do its readers fail
        raise ScorerError(f"aesthetics.head: {path} holds no aesthetic head ({in_short(error)})") from error
    if weight.ndim != 2 or weight.shape[0] != 1 or bias.shape != (1,) or not np.isfinite([*weight.flat, *bias]).all():
        raise ScorerError(f"aesthetics.head: {path} holds no aesthetic head: its weight has the shape {weight.shape}")
    if weight.shape[1] != dimensions:
        raise ScorerError(
            f"aesthetics.head: {path} is for embeddings of {weight.shape[1]} numbers, and {model} gives {dimensions}: "
            "name the head of that model, or none, and it is fetched"
        )
    return Linear(weight[0], float(bias[0]))


def _numbers(tensor: Any) -> "np.ndarray[Any, np.dtype[np.float64]]":
    numbers: np.ndarray[Any, np.dtype[np.float64]] = tensor.double().numpy()
    return numbers
