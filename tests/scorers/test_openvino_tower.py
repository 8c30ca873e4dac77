"""OpenVINO embeds as PyTorch does, keeps what it converted, and does without that where it cannot be had."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from scorers import openvino_tower
from scorers.arithmetic import OPENVINO, is_exact_enough, trial_pictures
from scorers.embedding import MAX_BATCH, Embedder, load_embedder
from scorers.weights import find_weights
from tests.scorers.conftest import TinyClip

pytestmark = pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is not installed")


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's converted networks are."""
    monkeypatch.setattr(openvino_tower, "kept_in", lambda: tmp_path)
    return tmp_path


def loaded(tiny_clip: TinyClip, arithmetic: str = "openvino fp32") -> Embedder:
    weights = find_weights(tiny_clip.model, str(tiny_clip.checkpoint))
    return load_embedder(weights, tiny_clip.checkpoint, device="cpu", arithmetic=arithmetic)


def embeds_as(embedder: Embedder, exact: Embedder) -> bool:
    pictures = [trial_pictures(40)]
    return is_exact_enough(embedder.embed(pictures)[0], exact.embed(pictures)[0])


def count_conversions(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    conversions: list[object] = []
    really = openvino_tower._converted
    monkeypatch.setattr(openvino_tower, "_converted", lambda tower, example: conversions.append(tower) or really(tower, example))
    return conversions


@pytest.mark.parametrize("arithmetic", OPENVINO)
def test_it_embeds_as_pytorch_does_in_32_bits(tiny_clip: TinyClip, arithmetic: str) -> None:
    embedder = loaded(tiny_clip, arithmetic)
    assert embedder.arithmetic == arithmetic
    assert embeds_as(embedder, tiny_clip.embedder)


def test_batches_of_any_size_give_each_picture_its_own_embedding(tiny_clip: TinyClip) -> None:
    embedder = loaded(tiny_clip)
    groups = [trial_pictures(32)[:1], np.tile(trial_pictures(32), (5, 1, 1, 1)), trial_pictures(48)[:3]]
    assert len(groups[1]) > MAX_BATCH
    for group, part in zip(groups, embedder.embed(groups), strict=True):
        assert part.dtype == np.float32
        np.testing.assert_allclose(part, tiny_clip.embedder.embed([group])[0], atol=2e-3)
        np.testing.assert_allclose(np.linalg.norm(part, axis=1), 1, rtol=1e-5)


def test_what_was_embedded_stays_when_more_is_embedded(tiny_clip: TinyClip) -> None:
    embedder = loaded(tiny_clip)
    (first,) = embedder.embed([trial_pictures(32)])
    before = first.copy()
    embedder.embed([255 - trial_pictures(32)])
    np.testing.assert_array_equal(first, before)


def test_a_second_start_converts_nothing(tiny_clip: TinyClip, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded(tiny_clip)
    assert sorted(path.suffix for path in kept.iterdir()) == [".bin", ".xml"]
    conversions = count_conversions(monkeypatch)
    assert embeds_as(loaded(tiny_clip), tiny_clip.embedder)
    assert not conversions


def test_other_weights_are_converted_anew(tiny_clip: TinyClip, kept: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    from safetensors.torch import load_file, save_file

    loaded(tiny_clip)
    other = load_file(tiny_clip.checkpoint)
    other["visual.proj"] = -other["visual.proj"]
    path = tmp_path_factory.mktemp("other") / "other.safetensors"
    save_file(other, path)
    weights = find_weights(tiny_clip.model, str(path))
    exact, quick = (load_embedder(weights, path, device="cpu", arithmetic=name) for name in ("fp32", "openvino fp32"))
    assert embeds_as(quick, exact)
    assert not embeds_as(quick, tiny_clip.embedder)
    assert len(list(kept.glob("*.xml"))) == 2


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
@pytest.mark.parametrize("content", [None, b"", b"not a network"], ids=["gone", "empty", "garbage"])
def test_a_kept_network_that_cannot_be_read_is_made_anew(
    tiny_clip: TinyClip, kept: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, content: bytes | None
) -> None:
    loaded(tiny_clip)
    (path,) = kept.glob(f"*{suffix}")
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    conversions = count_conversions(monkeypatch)
    assert embeds_as(loaded(tiny_clip), tiny_clip.embedder)
    assert len(conversions) == 1
    assert embeds_as(loaded(tiny_clip), tiny_clip.embedder)
    assert len(conversions) == 1


def test_it_does_without_a_folder_to_keep_things_in(tiny_clip: TinyClip, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_tower, "kept_in", lambda: kept / "nowhere")
    assert embeds_as(loaded(tiny_clip), tiny_clip.embedder)
    assert not list(kept.iterdir())

    def refuse() -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(openvino_tower, "kept_in", refuse)
    assert embeds_as(loaded(tiny_clip), tiny_clip.embedder)


def test_only_the_newest_networks_are_kept(tiny_clip: TinyClip, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_tower, "KEPT", 1)
    old = [kept / f"old{suffix}" for suffix in (".xml", ".bin")]
    for path in old:
        path.touch()
    loaded(tiny_clip)
    assert not any(path.exists() for path in old)
    assert len(list(kept.iterdir())) == 2


def test_its_footprint_is_that_of_32_bits(tiny_clip: TinyClip) -> None:
    assert loaded(tiny_clip).footprint() == tiny_clip.embedder.footprint()


def test_a_tower_that_it_cannot_do_is_refused_as_pytorch_would(tiny_clip: TinyClip) -> None:
    import torch

    class Branches(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.linalg.eigvals(x)

    with pytest.raises(RuntimeError, match=r"^OpenVINO: "):
        openvino_tower.OpenVinoTower(Branches(), picture=(8, 8), precision="f32")


def test_nothing_is_reported_to_its_makers_and_pytorch_is_left_as_it_was(tiny_clip: TinyClip) -> None:
    import torch

    loaded(tiny_clip)
    assert sys.modules["openvino_telemetry"] is None
    assert torch.backends.mha.get_fastpath_enabled()
