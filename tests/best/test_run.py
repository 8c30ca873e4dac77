"""All parts together: each pane is scaled down once, and with CLIP another prompt decodes nothing.

Small weights of noise stand in for CLIP's.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import scorers.smaller
from stream_processor.best.asked import Asked
from stream_processor.best.interrupting import Interruptions
from stream_processor.best.run import find_best
from stream_processor.best.telling import Lines
from stream_processor.settings import Settings
from tests.scorers.conftest import TinyClip, tiny_clip, tiny_words

__all__ = ["tiny_clip", "tiny_words"]  # fixtures


class Said(Lines):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def test_frames_are_scaled_down_once_for_scorers_and_finishing(
    media: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaled = 0
    scale = scorers.smaller.smaller

    def counted(*arguments: Any) -> Any:
        nonlocal scaled
        scaled += 1
        return scale(*arguments)

    monkeypatch.setattr(scorers.smaller, "smaller", counted)
    settings = Settings.model_validate(
        {"best": {"finishing": ["scene"], "min_score": 1.0, "sample_height": 240}, "novelty": {"kind": "light"}}
    )
    asked = Asked([media("odd/video_with_failing_audio.mp4")], tmp_path / "out", settings, caches=False)
    find_best(asked, Said(), Interruptions())
    assert scaled == 12  # panes of a second


@pytest.mark.long  # it imports PyTorch and open_clip and makes two models
def test_another_prompt_decodes_nothing(made: Callable[..., Path], tmp_path: Path, tiny_words: TinyClip) -> None:
    settings = Settings.model_validate(
        {
            "best": {"cache": tmp_path / "cache", "finishing": (), "k": 1},
            "best_weights": {"aesthetics": 0.0},
            "novelty": {"kind": "clip", "model": tiny_words.model, "pretrained": str(tiny_words.checkpoint)},
            "device": {"kind": "cpu"},
        }
    )
    said = Said()
    path = made("h264 without sound")
    first = find_best(Asked([path], tmp_path / "out", settings, prompts=["snow"]), said, Interruptions())
    second = find_best(
        Asked([path], tmp_path / "out", settings, prompts=["a fight", "people laughing::0.5"]), said, Interruptions()
    )
    assert [line.split(": ")[1].split(" ")[2:4] for line in said.lines if line.startswith(path.name)] == [
        ["scored", "in"],
        ["from", "an"],
    ], said.lines
    one, other = (outcome.selection.tables[0] for outcome in (first, second))
    assert one.table.look_kind.startswith("clip ")
    assert set(one.components) == {"sharpness", "exposure", "prompt"}
    assert one.table.signals["sharpness"].tolist() == other.table.signals["sharpness"].tolist()
    assert one.table.signals["prompt"].tolist() != pytest.approx(other.table.signals["prompt"].tolist())
    assert second.selection.parameters["prompts"] == ["a fight", "people laughing::0.5"]
