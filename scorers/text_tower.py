"""Words to embedding vectors, by the text tower that belongs to a CLIP model's image tower. Imports PyTorch when used."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scorers.tower import give_memory_back, in_short, load_model
from scorers.weights import Weights
from stream_processor.errors import ScorerError, SettingsError


def embed_texts(weights: Weights, path: Path, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Embeddings of length one, float32 (n, d), on the CPU; the model is loaded for it, and nothing of it stays in memory.

    SettingsError: a text is longer than the model reads, which would not say so. ScorerError: the file does not hold that model's
    weights, or the model has no text tower or no tokenizer here.
    """
    import open_clip
    import torch

    model = load_model(weights, path)
    model.visual = None  # only the words are wanted
    try:
        tokenizer = open_clip.get_tokenizer(weights.model)
        _check_length(tokenizer, texts)
        with torch.inference_mode():
            vectors: npt.NDArray[np.float32] = model.encode_text(tokenizer(list(texts)), normalize=True).float().numpy().copy()
    except (AttributeError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise ScorerError(f"novelty.model: {weights.model} cannot read prompts ({in_short(error)})") from error
    del model
    give_memory_back()
    return vectors


def _check_length(tokenizer: object, texts: Sequence[str]) -> None:
    """Of CLIP's own tokenizer; a few models have another, which does not tell."""
    encode, most = getattr(tokenizer, "encode", None), getattr(tokenizer, "context_length", None)
    if encode is None or most is None:
        return
    for text in texts:
        tokens = len(encode(text)) + 2  # it puts one before the first and one after the last
        if tokens > most:
            raise SettingsError(
                f"--prompt {text[:40]!r}… is too long: the model reads {most} tokens and it has {tokens}, shorten it"
            )
