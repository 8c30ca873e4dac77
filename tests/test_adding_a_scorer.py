"""The worked example of docs/adding-a-scorer.md really runs: its code, its configuration, and the contract."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from scorers.build import build_scorers
from stream_processor.contracts import Scorer
from stream_processor.engine import Engine
from stream_processor.records import PaneScore
from stream_processor.settings import ScorerSettings
from tests.conftest import REPOSITORY
from tests.scorers import test_contract as contract
from tests.scorers.scenes import Scene

PAGE = REPOSITORY / "docs" / "adding-a-scorer.md"


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scorer]:
    """The example's class, saved, named in the configuration and built as the page says."""
    (tmp_path / "my_scorers.py").write_text(block("python"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    signals = {name: ScorerSettings(**section) for name, section in tomllib.loads(block("toml"))["scorers"].items()}
    yield build_scorers(signals, device="cpu").scorers["flash"]
    sys.modules.pop("my_scorers", None)


def test_it_is_built_with_its_options(example: Scorer) -> None:
    assert example.signal == "flash"
    assert vars(example) == {"max_gap_seconds": 1.0}


def test_it_scores_in_the_engine_beside_the_others(example: Scorer) -> None:
    scores: list[PaneScore] = []
    with Engine(max_panes=4) as engine:
        feed = engine.register("channel", {"flash": example}, scores.append)
        for pane in Scene().panes([1, 2, 3]):
            feed.put(pane)
    assert [score.signals["flash"].count for score in scores] == [4, 5, 5, 5]
    assert feed.errors == {}


def test_it_holds_to_the_contract(example: Scorer) -> None:
    contract.test_values_do_not_depend_on_how_frames_were_cut_into_panes_or_batched(scorer=example, kind=("flash", "outside"))
    contract.test_it_measures_something_and_says_when(example, ("flash", "outside"))
    contract.test_a_pane_without_its_kind_of_media_has_no_samples(example)
    contract.test_the_input_is_not_changed(example)
    contract.test_what_it_remembers_does_not_lie_in_the_pane_whose_memory_is_used_again(example)
    contract.test_a_new_memory_has_forgotten(example)
    contract.test_black_and_silence_give_finite_values_next_to_nothing(example)
    contract.test_the_unit_does_not_depend_on_frame_size_or_sampling_rate(example, Scene(seconds=6, height=144, fps=10))
