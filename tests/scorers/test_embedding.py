"""Embeddings by the real open_clip: the model's own preprocessing, weights saved and loaded again, wrong files refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scorers.embedding import MAX_BATCH, choose_device, load_embedder
from scorers.weights import find_weights
from stream_processor.errors import ScorerError
from tests.scorers.conftest import TinyClip
from tests.scorers.scenes import Scene


def pictures(count: int = 3, size: int = 32) -> np.ndarray:
    return Scene(seconds=count, picture_fps=1, picture_size=size, speed=0.4).pictures().rgb


@pytest.mark.parametrize("size", [32, 45, 24], ids=["right-size", "too-large", "too-small"])
@pytest.mark.parametrize(("resize_mode", "interpolation"), [("shortest", "bicubic"), ("squash", "bilinear")])
def test_embeddings_are_those_of_open_clip_itself(tiny_clip: TinyClip, size: int, resize_mode: str, interpolation: str) -> None:
    import open_clip
    import torch
    from PIL import Image

    preprocess = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.25, 0.3), "resize_mode": resize_mode, "interpolation": interpolation}
    weights = replace(find_weights(tiny_clip.model, str(tiny_clip.checkpoint)), preprocess=preprocess)
    (got,) = load_embedder(weights, tiny_clip.checkpoint, device="cpu").embed([pictures(size=size)])

    model, _, transform = open_clip.create_model_and_transforms(
        tiny_clip.model,
        str(tiny_clip.checkpoint),
        image_mean=preprocess["mean"],
        image_std=preprocess["std"],
        image_resize_mode=resize_mode,
        image_interpolation=interpolation,
    )
    with torch.inference_mode():
        inputs = torch.stack([transform(Image.fromarray(picture)) for picture in pictures(size=size)])
        expected = model.eval().encode_image(inputs, normalize=True).numpy()
    assert got.dtype == np.float32
    assert (got * expected).sum(axis=1) == pytest.approx(1, abs=1e-6 if size == 32 and resize_mode == "shortest" else 2e-3)


def test_groups_of_different_sizes_are_embedded_together_and_come_back_apart(tiny_clip: TinyClip) -> None:
    groups = [pictures(2), pictures(MAX_BATCH + 3, size=48), pictures(1)]
    embedded = tiny_clip.embedder.embed(groups)
    assert [part.shape for part in embedded] == [(2, 64), (MAX_BATCH + 3, 64), (1, 64)]
    for group, part in zip(groups, embedded, strict=True):
        np.testing.assert_allclose(part, tiny_clip.embedder.embed([group])[0], atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(part, axis=1), 1, rtol=1e-5)


def test_it_says_which_pictures_it_wants(tiny_clip: TinyClip) -> None:
    assert tiny_clip.embedder.picture_size == 32


def test_a_checkpoint_of_pytorch_is_as_good_as_one_of_safetensors(tiny_clip: TinyClip, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    path = tmp_path / "tiny.pt"
    torch.save({"state_dict": load_file(tiny_clip.checkpoint)}, path)
    embedder = load_embedder(find_weights(tiny_clip.model, str(path)), path, device="cpu")
    np.testing.assert_array_equal(embedder.embed([pictures()])[0], tiny_clip.embedder.embed([pictures()])[0])


@pytest.mark.parametrize("model", ["tiny-wide", "tiny-large"])
def test_a_checkpoint_of_another_model_is_refused_in_one_line(tiny_clip: TinyClip, model: str) -> None:
    with pytest.raises(ScorerError) as raised:
        load_embedder(find_weights(model, str(tiny_clip.checkpoint)), tiny_clip.checkpoint, device="cpu")
    message = str(raised.value)
    assert message.startswith(f"novelty.pretrained: {tiny_clip.checkpoint} does not hold weights of {model} (")
    assert "\n" not in message
    assert len(message) < 400


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x80\x02}q\x00."], ids=["empty", "text", "empty-dict"])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_file_that_is_no_checkpoint_is_refused_in_one_line(
    tiny_clip: TinyClip, tmp_path: Path, content: bytes, suffix: str
) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(ScorerError, match=rf"^novelty.pretrained: .*broken{suffix} does not hold weights of tiny \(.*\)$"):
        load_embedder(find_weights("tiny", str(path)), path, device="cpu")


def test_a_cuda_device_that_is_not_there_is_named(tiny_clip: TinyClip) -> None:
    assert choose_device("cpu") == "cpu"
    with pytest.raises(ScorerError, match=r"^device.kind: cuda:99 is asked for, and torch sees \d+ CUDA devices$"):
        choose_device("cuda:99")
