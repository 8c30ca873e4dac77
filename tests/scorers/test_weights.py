"""Names of models and weights: every mistake is one clear line, and nothing is loaded that would run wrongly."""

from pathlib import Path

import pytest

from scorers.weights import any_cached, find_weights
from stream_processor.errors import ScorerError
from tests.scorers.conftest import TinyClip
from tests.scorers.hub import hub

TAG = {
    "hf_hub": "someone/tiny/",
    "mean": (0.5, 0.5, 0.5),
    "std": (0.25, 0.25, 0.25),
    "interpolation": "bilinear",
    "resize_mode": "squash",
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache in an empty folder, for this process and for those that it starts."""
    from huggingface_hub import constants

    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return tmp_path


@pytest.fixture
def tagged(tiny_clip: TinyClip, monkeypatch: pytest.MonkeyPatch) -> str:
    """The tiny model with a tag of its own in open_clip's list."""
    from open_clip.pretrained import _PRETRAINED

    monkeypatch.setitem(_PRETRAINED, tiny_clip.model, {"random": TAG})
    return "random"


@pytest.mark.parametrize(
    ("model", "pretrained", "message"),
    [
        (
            "ViT-B-32-quikgelu",
            "openai",
            "model: open_clip knows no model 'ViT-B-32-quikgelu', did you mean 'ViT-B-32-quickgelu'?",
        ),
        ("tiny", "nowhere.pt", "pretrained: 'nowhere.pt' is no file and no tag of tiny (known tags: none)"),
        ("ViT-B-32-256", "openai", "pretrained: 'openai' is no file and no tag of ViT-B-32-256 (known tags: datacomp_s34b_b86k)"),
    ],
)
def test_wrong_names_are_one_clear_line(tiny_clip: TinyClip, model: str, pretrained: str, message: str) -> None:
    with pytest.raises(ScorerError) as raised:
        find_weights(model, pretrained)
    assert str(raised.value) == f"novelty.{message}"


def test_weights_for_another_activation_are_an_error_that_names_the_right_model(tiny_clip: TinyClip) -> None:
    with pytest.raises(ScorerError) as raised:
        find_weights("ViT-B-32", "openai")
    reason = "'openai' weights were trained with QuickGELU, but 'ViT-B-32' has GELU"
    assert str(raised.value) == f"novelty.model: {reason}; set novelty.model to 'ViT-B-32-quickgelu'"


def test_the_default_model_and_weights_fit_each_other(tiny_clip: TinyClip) -> None:
    from stream_processor.settings import NoveltySettings

    weights = find_weights(NoveltySettings().model, NoveltySettings().pretrained)
    assert weights.repository
    assert weights.checkpoint is None


def test_a_local_checkpoint_is_its_own_path(tiny_clip: TinyClip) -> None:
    weights = find_weights(tiny_clip.model, str(tiny_clip.checkpoint))
    assert weights.path() == weights.fetched(0) == tiny_clip.checkpoint


def test_weights_that_a_tag_names_are_fetched_once_and_cached(
    tiny_clip: TinyClip, tagged: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = find_weights(tiny_clip.model, tagged)
    assert weights.path() is None
    assert not any_cached()
    with hub({"someone/tiny/open_clip_model.safetensors": tiny_clip.checkpoint.read_bytes()}) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        fetched = weights.fetched(60)
    assert fetched.read_bytes() == tiny_clip.checkpoint.read_bytes()
    assert any_cached()
    assert weights.fetched(60) == fetched, "without a hub"


@pytest.mark.parametrize(
    ("endpoint", "offline", "limit", "reason"),
    [
        ("http://127.0.0.1:9", "", 60, "and http://127.0.0.1:9 cannot be reached"),
        ("http://127.0.0.1:9", "1", 60, "and fetching is switched off"),
        ("http://127.0.0.1:9", "", 0, "and fetching is switched off"),
    ],
)
def test_weights_that_cannot_be_had_say_why(
    tiny_clip: TinyClip,
    tagged: str,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    endpoint: str,
    offline: str,
    limit: float,
    reason: str,
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    with pytest.raises(ScorerError) as raised:
        find_weights(tiny_clip.model, tagged).fetched(limit)
    assert str(raised.value) == f"novelty.pretrained: the weights 'random' of tiny are not cached, {reason}"


def test_a_hub_without_the_weights_is_told(
    tiny_clip: TinyClip, tagged: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hub({}) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        with pytest.raises(ScorerError, match="could not be fetched: someone/tiny: has none of open_clip_model"):
            find_weights(tiny_clip.model, tagged).fetched(60)
