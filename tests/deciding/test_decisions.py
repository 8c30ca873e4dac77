"""Live runs and replays put their detection together in one place, from the table or from outside."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from stream_processor.deciding.decisions import build_detection, build_normaliser, deciding_settings
from stream_processor.deciding.detection import Detection
from stream_processor.errors import SettingsError
from stream_processor.finishing.settings import NuisanceSettings
from stream_processor.records import ScoredWindow, Window
from stream_processor.settings import PeaksSettings, SaliencySettings, Settings, WindowSettings

WEIGHTS = {"motion": 1.0}


class Doubling:
    """A normaliser from outside."""

    def __init__(self, weights: Mapping[str, float], history_seconds: float, factor: float) -> None:
        self.weights, self.history_seconds, self.factor = weights, history_seconds, factor

    def learn(self, windows: Sequence[Window]) -> None:
        pass

    def score(self, window: Window) -> ScoredWindow:
        return ScoredWindow(window, self.factor * window.values["motion"], {})


def detection(**peaks: Any) -> Detection:
    normaliser = build_normaliser(SaliencySettings(), WEIGHTS)
    return build_detection(
        normaliser,
        peaks=PeaksSettings(**peaks),
        window=WindowSettings(),
        identify=lambda *_: "id",
        nuisance=NuisanceSettings(),
    )


@pytest.mark.parametrize("kind", ["raw", "robust_z", "rank"])
def test_every_normaliser_of_the_table_can_be_built(kind: str) -> None:
    normaliser = build_normaliser(SaliencySettings(kind=kind), WEIGHTS)
    normaliser.learn([Window(0, 0, 0.0, 5.0, {"motion": 0.1}, (0, 5))])


def test_a_normaliser_from_outside_gets_weights_history_and_its_options() -> None:
    kind = "tests.deciding.test_decisions:Doubling"
    made = build_normaliser(SaliencySettings(kind=kind, history_seconds=60, options={"factor": 2.0}), WEIGHTS)
    assert made.score(Window(0, 0, 0.0, 5.0, {"motion": 0.25}, (0, 5))).saliency == 0.5


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (
            lambda: build_normaliser(SaliencySettings(kind="robust"), WEIGHTS),
            "saliency.kind: unknown kind 'robust', did you mean",
        ),
        (lambda: build_normaliser(SaliencySettings(options={"x": 1}), WEIGHTS), "saliency.options: .*'x'"),
        (lambda: detection(kind="percentiles"), "peaks.kind: unknown kind 'percentiles', did you mean"),
        (lambda: detection(options={"x": 1}), "peaks.options: .*'x'"),
    ],
)
def test_what_cannot_be_built_is_one_line_with_the_setting(build: Any, error: str) -> None:
    with pytest.raises(SettingsError, match=error):
        build()


def test_what_is_journaled_with_a_run_builds_the_same_settings_again() -> None:
    settings = Settings(peaks=PeaksSettings(percentile=85.5), saliency=SaliencySettings(options={"knee": 2.5}))
    saved = json.loads(json.dumps(deciding_settings(settings)))
    assert Settings(**saved) == settings
    assert not {"mqtt", "streamlink", "output"} & set(saved), "nothing that may hold a secret"
