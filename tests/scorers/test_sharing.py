"""Channels that want the same scorer share one."""

from collections.abc import Mapping

from scorers.build import Scoring
from scorers.sharing import SharedScorers
from stream_processor.settings import LoudnessSettings, MotionSettings, NoveltySettings, ScorerSettings


class Made:
    def __init__(self, signal: str) -> None:
        self.signal = signal
        self.picture_fps = 1.0 if signal == "novelty" else 0.0


class Workshop:
    def __init__(self) -> None:
        self.made: list[str] = []

    def build(self, signals: Mapping[str, ScorerSettings]) -> Scoring:
        ((signal, settings),) = signals.items()
        self.made.append(signal)
        return Scoring({signal: Made(signal)}, {signal: settings.kind}, {signal: "because"})  # type: ignore[dict-item]


COMMON: dict[str, ScorerSettings] = {"motion": MotionSettings(), "novelty": NoveltySettings(), "loudness": LoudnessSettings()}


def test_two_channels_with_the_same_settings_have_the_same_scorers() -> None:
    workshop = Workshop()
    shared = SharedScorers(workshop.build)
    first, second = shared.scoring(COMMON), shared.scoring(dict(COMMON))
    assert workshop.made == ["motion", "novelty", "loudness"]
    assert all(first.scorers[signal] is second.scorers[signal] for signal in COMMON)
    assert (list(first.scorers), first.picture_fps, dict(first.reasons)) == (
        list(COMMON), 1.0, dict.fromkeys(COMMON, "because")
    )  # fmt: skip


def test_how_much_a_signal_counts_needs_no_scorer_of_its_own_but_another_kind_does() -> None:
    workshop = Workshop()
    shared = SharedScorers(workshop.build)
    first = shared.scoring(COMMON)
    second = shared.scoring({**COMMON, "motion": MotionSettings(weight=0.9), "novelty": NoveltySettings(kind="light")})
    assert workshop.made == ["motion", "novelty", "loudness", "novelty"]
    assert second.scorers["motion"] is first.scorers["motion"]
    assert second.kinds["novelty"] == "light"
