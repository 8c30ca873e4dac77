"""A CLIP model small enough for tests, with random weights that are saved and loaded by the real code."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from scorers.embedding import Embedder


@dataclass(frozen=True)
class TinyClip:
    """``model`` is registered with open_clip, ``checkpoint`` (safetensors) holds its weights, ``embedder`` was loaded from it."""

    model: str
    checkpoint: Path
    embedder: Embedder


def tiny_config(*, image_size: int = 32, width: int = 64, quick_gelu: bool = False) -> dict[str, object]:
    return {
        "embed_dim": 64,
        "quick_gelu": quick_gelu,
        "vision_cfg": {"image_size": image_size, "layers": 2, "width": width, "head_width": 32, "patch_size": 16},
        "text_cfg": {"context_length": 8, "vocab_size": 64, "width": 32, "heads": 2, "layers": 1},
    }


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> TinyClip:
    """Importing torch and open_clip takes long: once for the whole session."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    from scorers.embedding import load_embedder
    from scorers.weights import find_weights

    folder = tmp_path_factory.mktemp("tiny_clip")
    for name, config in {
        "tiny": tiny_config(),
        "tiny-wide": tiny_config(width=96),
        "tiny-large": tiny_config(image_size=64),
        "tiny-quickgelu": tiny_config(quick_gelu=True),
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)
    torch.set_num_threads(1)  # so small a model is only slowed down by more
    torch.manual_seed(1)
    checkpoint = folder / "tiny.safetensors"
    save_file(open_clip.create_model("tiny").state_dict(), checkpoint)
    weights = find_weights("tiny", str(checkpoint))
    return TinyClip("tiny", checkpoint, load_embedder(weights, checkpoint, device="cpu"))


@pytest.fixture(scope="session")
def tiny_words(tiny_clip: TinyClip, tmp_path_factory: pytest.TempPathFactory) -> TinyClip:
    """As ``tiny_clip``, with a text tower that knows all of CLIP's words and reads sixteen of them."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    from scorers.embedding import load_embedder
    from scorers.weights import find_weights

    folder = tmp_path_factory.mktemp("tiny_words")
    words = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
    (folder / "tiny-words.json").write_text(json.dumps({**tiny_config(), "text_cfg": words}))
    open_clip.add_model_config(folder)
    torch.manual_seed(2)
    checkpoint = folder / "tiny-words.safetensors"
    save_file(open_clip.create_model("tiny-words").state_dict(), checkpoint)
    weights = find_weights("tiny-words", str(checkpoint))
    return TinyClip("tiny-words", checkpoint, load_embedder(weights, checkpoint, device="cpu"))


@pytest.fixture(autouse=True, scope="module")
def _one_torch_thread() -> None:
    """Pictures are small here, and other programs run beside: threads that wait for each other take longer than one."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _nothing_kept_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """OpenVINO's converted networks, where it is installed, and fetched heads go where the tests' other files are."""
    monkeypatch.setattr("scorers.openvino_tower.kept_in", tmp_path_factory.getbasetemp)
    monkeypatch.setattr("scorers.aesthetic_head.kept_in", lambda: tmp_path_factory.getbasetemp() / "aesthetics")


@pytest.fixture(autouse=True)
def _no_proxy_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
