"""What is built for ``main best`` out of weights, prompts and files, with CLIP and without, and what is said of it."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from huggingface_hub import constants

from scorers import aesthetic_head
from scorers.best import BestScoring, build_best_scorers
from scorers.faces import Faces
from stream_processor.best.settings import AestheticsSettings, BestWeights, FacesSettings
from stream_processor.errors import ScorerError, SettingsError, SourceUnusable
from stream_processor.settings import NoveltySettings
from tests.scorers.conftest import TinyClip
from tests.scorers.scenes import Scene

NONE = dict.fromkeys(BestWeights.model_fields, 0.0)
LIGHT = NoveltySettings(kind="light")


def weights(**some: float) -> BestWeights:
    return BestWeights(**{**NONE, **some})


def build(weighed: BestWeights | None = None, novelty: NoveltySettings = LIGHT, **otherwise: Any) -> BestScoring:
    usual: Mapping[str, Any] = {
        "prompts": [],
        "like": None,
        "aesthetics": AestheticsSettings(),
        "faces": FacesSettings(),
        "device": "cpu",
    }
    return build_best_scorers(weighed or BestWeights(), novelty=novelty, **{**usual, **otherwise})


def by_clip(clip: TinyClip) -> NoveltySettings:
    return NoveltySettings(model=clip.model, pretrained=str(clip.checkpoint), fetch_seconds=0)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    path = tmp_path / "example.png"
    assert cv2.imwrite(str(path), np.random.default_rng(1).integers(0, 256, (90, 160, 3), dtype=np.uint8))
    return path


def save_head(path: Path, dimensions: int) -> Path:
    import torch

    torch.save({"weight": torch.ones(1, dimensions), "bias": torch.tensor([5.0])}, path)
    return path


# ---- without CLIP ----------------------------------------------------------------------------------------------------


def test_by_default_and_without_clip_it_is_sharpness_and_exposure_and_one_line() -> None:
    built = build(prompts=["people laughing"])
    assert set(built.scorers) == {"sharpness", "exposure", "look"}
    assert built.left_out == {"aesthetics": "novelty.kind is light", "prompt": "novelty.kind is light"}
    assert built.notes == [
        "Without CLIP (novelty.kind is light) aesthetics and prompt are left out, the other weights take their place."
    ]
    assert (built.look_kind, built.picture_size, built.heads, built.device) == ("light", None, {}, "cpu")


def test_what_does_not_count_is_not_built_and_what_is_not_missed_not_said() -> None:
    built = build(weights(sharpness=1.0, prompt=0.5))
    assert set(built.scorers) == {"sharpness", "look"}
    assert (built.left_out, built.notes) == ({}, [])


def test_everything_that_needs_no_weights() -> None:
    built = build(weights(sharpness=0.1, exposure=0.1, motion=0.1, loudness=0.1, clarity=0.1))
    assert set(built.scorers) == {"sharpness", "exposure", "motion", "loudness", "clarity", "look"}
    assert {scorer.keeps for scorer in built.scorers.values()} == {"samples"}  # type: ignore[attr-defined]
    assert all(name == scorer.signal for name, scorer in built.scorers.items())


def test_likeness_by_the_light_descriptor_is_said_to_be_that(example: Path) -> None:
    built = build(weights(sharpness=1.0), like=example)
    assert set(built.scorers) == {"sharpness", "look", "likeness"}
    assert built.notes == ["Without CLIP, likeness to --like is that of colours and edges, not of what is shown."]


def test_a_file_that_nothing_can_be_like_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceUnusable, match="no such file, name an image or a video"):
        build(like=tmp_path / "nowhere.png")


def test_faces_without_a_model_are_left_out_with_what_to_set() -> None:
    built = build(weights(sharpness=1.0, faces=0.5))
    assert "faces" not in built.scorers
    assert built.notes == [
        "Faces are left out: no face detector is named: set faces.model to UltraFace's file (version-RFB-320.onnx)."
    ]


def test_faces_with_their_model(models: Callable[[str], Path]) -> None:
    built = build(weights(faces=0.5), faces=FacesSettings(model=models("ultraface/version-RFB-320.onnx")))
    assert isinstance(built.scorers["faces"], Faces)


def test_where_nothing_is_left_to_choose_by_that_is_an_error() -> None:
    with pytest.raises(
        ScorerError, match=r"nothing is left to choose by \(aesthetics: novelty.kind is light\): raise another weight"
    ):
        build(weights(aesthetics=1.0, exposure=0.5))


def test_a_prompt_is_checked_before_anything_is_loaded() -> None:
    with pytest.raises(SettingsError, match="has no words"):
        build(prompts=[" "], novelty=NoveltySettings(model="no such model", kind="clip"))


def test_without_weights_on_a_machine_without_network_pytorch_is_not_imported(tmp_path: Path) -> None:
    code = """
import sys
from scorers.best import build_best_scorers
from stream_processor.settings import AestheticsSettings, BestWeights, FacesSettings, NoveltySettings
built = build_best_scorers(BestWeights(), prompts=["snow"], like=None, novelty=NoveltySettings(),
                           aesthetics=AestheticsSettings(), faces=FacesSettings(), device="auto")
print(built.notes[0], "torch" in sys.modules, sep="|")
"""
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": "", "SYSTEMROOT": "C:\\\\Windows"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout == (
        "Without CLIP (no CLIP weights are cached, and fetching is switched off) aesthetics and prompt are left out, "
        "the other weights take their place.|False\n"
    )


# ---- with CLIP -------------------------------------------------------------------------------------------------------


def test_with_clip_everything_is_there_and_heads_need_only_looks(tiny_words: TinyClip, tmp_path: Path, example: Path) -> None:
    head = save_head(tmp_path / "head.pth", 64)
    built = build(
        prompts=["snow", "a fight::0.5"], like=example, novelty=by_clip(tiny_words), aesthetics=AestheticsSettings(head=head)
    )
    assert set(built.scorers) == {"sharpness", "exposure", "look", "aesthetics", "prompt", "likeness"}
    assert set(built.heads) == {"aesthetics", "prompt", "likeness"}
    assert (built.look_kind, built.picture_size) == (f"clip tiny-words {tiny_words.checkpoint}", 32)
    assert (built.left_out, built.notes) == ({}, [])
    panes = Scene().panes([1, 2, 3])
    scored = {
        name: scorer.score([(scorer.start(), pane) for pane in panes])
        for name, scorer in built.scorers.items()
        if name in ("look", *built.heads)
    }
    for name, of_looks in built.heads.items():
        for samples, look in zip(scored[name], scored["look"], strict=True):
            assert look.vectors is not None
            np.testing.assert_allclose(of_looks(look.vectors), samples.values, atol=1e-6)


def test_a_model_that_laion_has_no_head_for_is_done_without(tiny_words: TinyClip) -> None:
    built = build(novelty=by_clip(tiny_words))
    assert set(built.left_out) == {"aesthetics"}
    assert built.notes == [
        "Aesthetics is left out: LAION has no aesthetic head for tiny-words, only for ViT-B-32, ViT-B-16, ViT-L-14."
    ]


def test_a_named_head_that_does_not_fit_the_model_is_an_error(tiny_words: TinyClip, tmp_path: Path) -> None:
    head = save_head(tmp_path / "head.pth", 512)
    with pytest.raises(ScorerError, match="for embeddings of 512 numbers, and tiny-words gives 64"):
        build(novelty=by_clip(tiny_words), aesthetics=AestheticsSettings(head=head))


def test_a_kept_head_is_used_and_a_spoilt_one_thrown_away(tiny_words: TinyClip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(aesthetic_head._PUBLISHED, "tiny-words", "tiny")
    kept = aesthetic_head.kept_in() / "sa_0_4_tiny_linear.pth"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("<html>not found</html>")
    assert "holds no aesthetic head" in build(novelty=by_clip(tiny_words)).left_out["aesthetics"]
    assert not kept.exists()
    save_head(kept, 64)
    built = build(novelty=by_clip(tiny_words))
    assert "aesthetics" in built.heads
    assert built.notes == [
        f"LAION's aesthetic head was made for OpenAI's weights: {tiny_words.checkpoint} is taken to hold them."
    ]


def test_weights_that_are_named_and_not_there_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ScorerError, match="is no file and no tag"):
        build(novelty=NoveltySettings(model="ViT-B-32", pretrained=str(tmp_path / "nowhere.pt")))


# ---- for a cache -----------------------------------------------------------------------------------------------------


def test_every_scorer_has_a_key_that_changes_with_what_it_depends_on(tiny_words: TinyClip, tmp_path: Path) -> None:
    heads = [save_head(tmp_path / "one.pth", 64), tmp_path / "other.pth"]
    import torch

    torch.save({"weight": torch.zeros(1, 64), "bias": torch.zeros(1)}, heads[1])
    light = build()
    one, other = (
        build(novelty=by_clip(tiny_words), prompts=prompts, aesthetics=AestheticsSettings(head=head))
        for prompts, head in zip((["snow"], ["rain"]), heads, strict=True)
    )
    for built in (light, one, other):
        assert set(built.keys) == set(built.scorers)
    assert light.keys["sharpness"] == one.keys["sharpness"]
    assert light.keys["look"] != one.keys["look"] == other.keys["look"]
    assert one.keys["prompt"] != other.keys["prompt"]
    assert one.keys["aesthetics"] != other.keys["aesthetics"]


def test_the_same_head_on_other_looks_has_another_key(tiny_clip: TinyClip, tiny_words: TinyClip, tmp_path: Path) -> None:
    """Two models may give embeddings of one length: what the head says of one's must not be taken for the other's."""
    head = AestheticsSettings(head=save_head(tmp_path / "head.pth", 64))
    one, other = (build(novelty=by_clip(clip), aesthetics=head) for clip in (tiny_clip, tiny_words))
    assert one.keys["aesthetics"] != other.keys["aesthetics"]


def test_a_device_that_is_not_there_is_an_error_even_where_it_would_do_nothing() -> None:
    with pytest.raises(ScorerError, match=r"device.kind: cuda:99 is asked for"):
        build(device="cuda:99")
