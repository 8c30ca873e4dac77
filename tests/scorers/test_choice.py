"""Which novelty a machine gets, and in which words it is told."""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scorers import choice
from scorers.choice import Choice, choose_novelty
from scorers.novelty_clip import ClipNovelty
from scorers.novelty_light import LightNovelty
from stream_processor.errors import ScorerError
from stream_processor.settings import NoveltySettings
from tests.scorers.conftest import TinyClip
from tests.scorers.scenes import Scene


@pytest.fixture
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No hub, and nothing cached."""
    from huggingface_hub import constants

    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))


def choose(**settings: object) -> Choice:
    return choose_novelty(NoveltySettings.model_validate(settings), device="cpu")


def test_an_offline_machine_settles_on_light_at_once_and_never_imports_torch(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from scorers.choice import choose_novelty\n"
        "from stream_processor.settings import NoveltySettings\n"
        "import time; start = time.monotonic()\n"
        "choice = choose_novelty(NoveltySettings(), device='auto')\n"
        "imported = sorted({'torch', 'open_clip'} & set(sys.modules))\n"
        "print(choice.kind, time.monotonic() - start < 2, imported, choice.reason, sep='|')\n"
    )
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    environment.pop("HF_HUB_OFFLINE", None)
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "light|True|[]|no CLIP weights are cached, and http://127.0.0.1:9 cannot be reached\n"


@pytest.mark.usefixtures("_offline")
def test_light_is_light_without_a_question() -> None:
    start = time.monotonic()
    chosen = choose(kind="light")
    assert time.monotonic() - start < 0.1
    assert (chosen.kind, chosen.reason) == ("light", "as configured")
    assert isinstance(chosen.scorer, LightNovelty)


@pytest.mark.usefixtures("_offline")
def test_fetching_can_be_switched_off() -> None:
    assert choose(fetch_seconds=0).reason == "no CLIP weights are cached, and fetching is switched off"


@pytest.mark.usefixtures("_offline")
def test_auto_takes_clip_where_the_weights_are_there_and_the_device_keeps_up(tiny_clip: TinyClip) -> None:
    chosen = choose(model=tiny_clip.model, pretrained=str(tiny_clip.checkpoint))
    assert chosen.kind == "clip"
    assert re.match(rf"tiny, {tiny_clip.checkpoint}, in (openvino )?\w+: takes \d+% of the time on cpu$", chosen.reason)
    assert isinstance(chosen.scorer, ClipNovelty)
    assert (chosen.scorer.picture_size, chosen.scorer.picture_fps) == (32, 1.0)


@pytest.mark.usefixtures("_offline")
def test_auto_takes_light_where_the_device_does_not_keep_up(tiny_clip: TinyClip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "device_share", lambda clip: 0.7)
    chosen = choose(model=tiny_clip.model, pretrained=str(tiny_clip.checkpoint))
    assert (chosen.kind, chosen.reason) == ("light", "CLIP would take 70% of the time on cpu, more than 25%")


def test_the_share_of_the_device_grows_with_the_rate_of_pictures(tiny_clip: TinyClip) -> None:
    usual, often = (choice.device_share(ClipNovelty(tiny_clip.embedder, picture_fps=fps)) for fps in (1.0, 30.0))
    assert 0 < usual < often


@pytest.mark.usefixtures("_offline")
def test_the_rate_of_pictures_can_be_set(tiny_clip: TinyClip) -> None:
    chosen = choose(kind="clip", model=tiny_clip.model, pretrained=str(tiny_clip.checkpoint), fps=3)
    assert isinstance(chosen.scorer, ClipNovelty)
    assert chosen.scorer.picture_fps == 3
    assert re.match(rf"as configured: tiny, {tiny_clip.checkpoint}, in (openvino )?\w+$", chosen.reason)


@pytest.mark.usefixtures("_offline")
def test_it_may_be_chosen_in_one_thread_and_used_in_another(tiny_clip: TinyClip) -> None:
    with ThreadPoolExecutor(1) as loading, ThreadPoolExecutor(1) as scoring:
        chosen = loading.submit(choose, kind="clip", model=tiny_clip.model, pretrained=str(tiny_clip.checkpoint), fps=2).result()
        (pane,) = Scene(seconds=2, picture_fps=2).panes([])
        (samples,) = scoring.submit(chosen.scorer.score, [(chosen.scorer.start(), pane)]).result()
    assert samples.times.tolist() == [1.0, 1.5]


@pytest.mark.usefixtures("_offline")
def test_clip_that_is_asked_for_and_does_not_fit_into_the_memory_is_an_error(tiny_clip: TinyClip) -> None:
    settings = NoveltySettings(kind="clip", model=tiny_clip.model, pretrained=str(tiny_clip.checkpoint))
    with pytest.raises(ScorerError, match=r"^device.max_mb: tiny takes \d+ MB, and 0 MB are left for it$"):
        choose_novelty(settings, device="cpu", max_mb=0.1)


@pytest.mark.usefixtures("_offline")
def test_clip_that_is_asked_for_and_cannot_be_had_is_an_error(tiny_clip: TinyClip) -> None:
    with pytest.raises(ScorerError) as raised:
        choose(kind="clip")
    message = "the weights 'openai' of ViT-B-32-quickgelu are not cached, and http://127.0.0.1:9 cannot be reached"
    assert str(raised.value) == f"novelty.pretrained: {message}"


@pytest.mark.usefixtures("_offline")
def test_auto_with_named_weights_that_are_not_cached_is_light_and_says_which(tiny_clip: TinyClip) -> None:
    chosen = choose(pretrained="metaclip_400m")
    assert chosen.kind == "light"
    assert "'metaclip_400m' of ViT-B-32-quickgelu are not cached" in chosen.reason


@pytest.mark.usefixtures("_offline")
@pytest.mark.parametrize("kind", ["auto", "clip"])
def test_named_weights_that_do_not_exist_or_fit_are_an_error(tiny_clip: TinyClip, kind: str) -> None:
    with pytest.raises(ScorerError, match="open_clip knows no model 'ViT-X'"):
        choose(kind=kind, model="ViT-X")
    with pytest.raises(ScorerError, match="no file and no tag"):
        choose(kind=kind, pretrained="nowhere.pt")
    with pytest.raises(ScorerError, match="does not hold weights of tiny-wide"):
        choose(kind=kind, model="tiny-wide", pretrained=str(tiny_clip.checkpoint))


@pytest.mark.parametrize("error", ["CUDA out of memory. Tried to allocate 20.00 MiB", "CUDA error: unspecified launch failure"])
def test_a_card_that_is_full_or_lost_while_clip_loads_leaves_auto_with_light_and_says_why(
    tiny_clip: TinyClip, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError(error)

    monkeypatch.setattr(choice, "load_embedder", fails)
    settings = NoveltySettings(model=tiny_clip.model, pretrained=str(tiny_clip.checkpoint))
    chosen = choice.choose_novelty(settings, device="cpu")
    assert chosen.kind == "light"
    assert "CLIP cannot be had on cpu" in chosen.reason
    with pytest.raises(ScorerError, match="clip cannot be had"):
        choice.choose_novelty(settings.model_copy(update={"kind": "clip"}), device="cpu")


def test_a_bug_while_clip_loads_is_no_trouble_of_the_device(tiny_clip: TinyClip, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(choice, "load_embedder", fails)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        choice.choose_novelty(NoveltySettings(model=tiny_clip.model, pretrained=str(tiny_clip.checkpoint)), device="cpu")
