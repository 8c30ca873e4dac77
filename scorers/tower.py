"""A model of open_clip with its weights loaded, and of it the image tower alone. Imports PyTorch when used."""

import ctypes
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scorers.weights import Weights
from stream_processor.errors import ScorerError


def load_tower(weights: Weights, path: Path) -> Any:
    """The image tower in float32 on the CPU, ready for inference. ScorerError: the file does not hold that model's weights."""
    return load_model(weights, path).visual


def load_model(weights: Weights, path: Path) -> Any:
    """Image and text tower in float32 on the CPU, ready for inference. ScorerError: as ``load_tower``."""
    import open_clip
    from safetensors import SafetensorError

    unfit = (RuntimeError, ValueError, LookupError, TypeError, AttributeError, StopIteration, EOFError, OSError)
    try:
        model = open_clip.create_model(
            weights.model, str(path), force_preprocess_cfg=dict(weights.preprocess), require_pretrained=True, device="cpu"
        )
        if weights.checkpoint is not None:
            _check_positions(model.visual, open_clip.factory.load_state_dict(str(path)))
        return model.eval().requires_grad_(False)
    except (*unfit, pickle.PickleError, SafetensorError) as error:
        what = weights.checkpoint or repr(weights.tag)
        raise ScorerError(f"novelty.pretrained: {what} does not hold weights of {weights.model} ({in_short(error)})") from error


def give_memory_back() -> None:
    """What loading and trying out took and freed, back to the system: glibc keeps it otherwise, more than 500 MB of it."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


def in_short(error: Exception) -> str:
    """The first two lines of PyTorch's long lists, as one of bearable length."""
    text = " ".join(line.strip() for line in str(error).strip().splitlines()[:2])
    return text[:160] + "…" if len(text) > 160 else text or type(error).__name__


def _check_positions(tower: Any, state: Mapping[str, Any]) -> None:
    """A model for another picture size would fit after open_clip has stretched its position embedding, without a word."""
    built = getattr(tower, "positional_embedding", None)
    saved = state.get("visual.positional_embedding")
    if built is not None and saved is not None and built.shape != saved.shape:
        raise ValueError(f"it is for {saved.shape[0]} patches, not {built.shape[0]}")
