"""Weights for CLIP that cost what the real ones cost, made once: seeded noise. ``python -m benchmarks.clip_weights FILE``."""

import sys
from pathlib import Path

from benchmarks.material import CACHE
from benchmarks.paired import child, python

MODEL = "ViT-B-32-quickgelu"


def ready(cache: Path = CACHE) -> Path:
    """A checkpoint of MODEL, 600 MB. A process of its own makes it, so that nobody else needs PyTorch for it."""
    path = cache / f"{MODEL}-random.pt"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        child(python("benchmarks.clip_weights", path))
    return path


def _make(path: Path) -> None:
    import open_clip
    import torch

    torch.manual_seed(0)
    model = open_clip.create_model(MODEL, pretrained=None, device="cpu")
    unfinished = path.with_suffix(".part")
    torch.save(model.state_dict(), unfinished)
    unfinished.replace(path)


if __name__ == "__main__":
    _make(Path(sys.argv[1]))
