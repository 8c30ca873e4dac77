"""Settings to scorers: kinds from the table, classes from outside, and mistakes told with the name of the setting."""

import subprocess
import sys

import pytest

from scorers import SCORERS, build
from scorers.build import build_scorers
from scorers.ladder import Ladder
from scorers.loudness import Rms
from scorers.motion import OpticalFlow
from scorers.novelty_light import LightNovelty
from stream_processor.errors import ScorerError, SettingsError
from stream_processor.settings import LoudnessSettings, MotionSettings, NoveltySettings, ScorerSettings
from stream_processor.tables import find


class Picky:
    """A scorer from outside that wants pictures."""

    signal = "picky"
    picture_size = 64
    picture_fps = 2.0

    def __init__(self, *, threshold: float = 0.5) -> None:
        self.threshold = threshold


OUTSIDE = f"{__name__}:Picky"


def test_the_table_imports_nothing_heavy_and_every_name_in_it_exists() -> None:
    program = "import sys, scorers; print(sorted({'cv2', 'numpy', 'torch', 'open_clip'} & set(sys.modules)))"
    listed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert listed.stdout == "[]\n"
    for signal, kinds in SCORERS.items():
        for kind in kinds:
            assert find(kinds, kind, "kind").signal == signal


def test_the_signals_of_the_settings_become_scorers_in_their_order() -> None:
    signals = {"motion": MotionSettings(), "novelty": NoveltySettings(kind="light"), "loudness": LoudnessSettings()}
    scoring = build_scorers(signals, device="cpu")
    assert [type(scorer) for scorer in scoring.scorers.values()] == [OpticalFlow, LightNovelty, Rms]
    assert scoring.kinds == {"motion": "farneback", "novelty": "light", "loudness": "rms"}
    assert scoring.reasons == {"novelty": "as configured"}
    assert (scoring.picture_size, scoring.picture_fps) == (0, 0)


def test_a_class_from_outside_gets_its_options_and_is_given_the_pictures_that_it_wants() -> None:
    section = ScorerSettings(kind=OUTSIDE, weight=0.3, options={"threshold": 0.9})
    scoring = build_scorers({"picky": section}, device="cpu")
    assert scoring.scorers["picky"].threshold == 0.9  # type: ignore[attr-defined]
    assert scoring.kinds == {"picky": OUTSIDE}
    assert (scoring.picture_size, scoring.picture_fps) == (64, 2.0)


@pytest.mark.parametrize(
    ("signal", "settings", "message"),
    [
        ("motion", MotionSettings(kind="farnebeck"), "motion.kind: unknown kind 'farnebeck', did you mean 'farneback'?"),
        ("novelty", NoveltySettings(kind="lite"), "novelty.kind: unknown kind 'lite', did you mean 'light'?"),
        ("picky", ScorerSettings(kind="none.such:Class", weight=1), "scorers.picky.kind: cannot load 'none.such:Class'"),
        ("picky", ScorerSettings(kind=OUTSIDE, weight=1, options={"treshold": 1}), "scorers.picky.options: .*treshold"),
        ("loudness", LoudnessSettings(options={"hop": 1}), "loudness.options: rms: .*hop"),
    ],
)
def test_mistakes_are_told_with_the_name_of_the_setting(signal: str, settings: ScorerSettings, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        build_scorers({signal: settings}, device="cpu")


def test_on_a_card_motion_stands_on_a_ladder_and_frames_belong_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "choose_device", lambda kind: "cuda:0")
    scoring = build.build_scorers({"motion": MotionSettings(), "novelty": NoveltySettings(kind="light")}, device="auto")
    assert scoring.device == "cuda:0"
    assert isinstance(scoring.scorers["motion"], Ladder)
    assert scoring.kinds == {"motion": "farneback", "novelty": "light"}


def test_a_budget_that_is_too_small_for_a_card_leaves_auto_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "choose_device", lambda kind: "cuda:0")
    scoring = build.build_scorers({"motion": MotionSettings()}, device="auto", max_mb=300)
    assert (scoring.device, type(scoring.scorers["motion"])) == ("cpu", OpticalFlow)
    with pytest.raises(ScorerError, match=r"device\.max_mb"):
        build.build_scorers({"motion": MotionSettings()}, device="cuda:0", max_mb=300)
