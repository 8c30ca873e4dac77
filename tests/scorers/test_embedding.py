"""Embeddings by the real open_clip: the model's own preprocessing, weights saved and loaded again, wrong files refused."""

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.embedding import FASTEST, MAX_BATCH, _runs, choose_device, load_embedder
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


def test_pictures_may_lie_in_tensors_and_beside_arrays(tiny_clip: TinyClip) -> None:
    import torch

    groups = [pictures(2), pictures(3), pictures(1, size=48)]
    mixed = [groups[0], torch.from_numpy(groups[1].copy()), torch.from_numpy(groups[2].copy())]
    for got, expected in zip(tiny_clip.embedder.embed(mixed), tiny_clip.embedder.embed(groups), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-6)


def test_pictures_that_cannot_be_written_or_do_not_lie_together_are_read_all_the_same(tiny_clip: TinyClip) -> None:
    rgb = pictures(4)
    rgb.flags.writeable = False
    (got,) = tiny_clip.embedder.embed([rgb[::2]])
    np.testing.assert_allclose(got, tiny_clip.embedder.embed([rgb])[0][::2], atol=1e-6)


def test_the_largest_batch_may_be_changed_at_any_time(tiny_clip: TinyClip) -> None:
    embedder = copy.copy(tiny_clip.embedder)
    groups = [pictures(5), pictures(4, size=48)]
    expected = embedder.embed(groups)
    embedder.max_batch = 2
    for got, part in zip(embedder.embed(groups), expected, strict=True):
        np.testing.assert_allclose(got, part, atol=1e-6)


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 7))
def test_runs_keep_the_order_and_all_but_the_last_are_full(counts: list[int], most: int) -> None:
    #  groups   000 1111 22     most 4
    #  runs     0001 1112 2
    groups = [np.full(count, number) for number, count in enumerate(counts)]
    runs = [np.concatenate(run) for run in _runs(groups, most)]
    assert [len(run) for run in runs[:-1]] == [most] * len(runs[:-1])
    assert all(0 < len(run) <= most for run in runs)
    assert np.concatenate([[], *runs]).tolist() == np.concatenate([[], *groups]).tolist()


def test_a_budget_bounds_the_batch_or_is_refused(tiny_clip: TinyClip) -> None:
    weights = find_weights(tiny_clip.model, str(tiny_clip.checkpoint))
    needed = tiny_clip.embedder.footprint()
    embedder = load_embedder(weights, tiny_clip.checkpoint, device="cpu", max_mb=needed.mb(3) + 0.001)
    assert embedder.max_batch == 3
    with pytest.raises(ScorerError, match=r"^device.max_mb: tiny takes \d+ MB, and 0 MB are left for it$"):
        load_embedder(weights, tiny_clip.checkpoint, device="cpu", max_mb=0.1)


def test_threads_are_no_more_than_are_asked_for_also_in_a_thread_of_its_own(tiny_clip: TinyClip) -> None:
    import torch

    weights = find_weights(tiny_clip.model, str(tiny_clip.checkpoint))
    embedder = load_embedder(weights, tiny_clip.checkpoint, device="cpu", threads=1)
    with ThreadPoolExecutor(1) as engine:
        engine.submit(embedder.embed, [pictures()]).result()
        assert engine.submit(torch.get_num_threads).result() == 1


@pytest.mark.cuda
def test_a_card_in_half_precision_embeds_as_the_cpu_does(tiny_clip: TinyClip) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    weights = find_weights(tiny_clip.model, str(tiny_clip.checkpoint))
    embedder = load_embedder(weights, tiny_clip.checkpoint, device="cuda", arithmetic=FASTEST)
    assert embedder.arithmetic == "fp16"
    groups = [pictures(5), pictures(3, size=48)]
    expected = tiny_clip.embedder.embed(groups)
    for given_groups in (groups, [torch.from_numpy(group).cuda() for group in groups]):
        for got, part in zip(embedder.embed(given_groups), expected, strict=True):
            assert (got * part).sum(axis=1).min() > 0.999


@pytest.mark.cuda
def test_a_forward_pass_can_be_captured_into_a_graph(tiny_clip: TinyClip) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    weights = find_weights(tiny_clip.model, str(tiny_clip.checkpoint))
    embedder = load_embedder(weights, tiny_clip.checkpoint, device="cuda", arithmetic="fp16")
    with torch.inference_mode():
        inputs = torch.randn(4, 3, 32, 32, device="cuda", dtype=torch.float16)
        expected = embedder._forward(inputs)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            captured = embedder._forward(inputs)
        graph.replay()
        torch.testing.assert_close(captured, expected)


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
