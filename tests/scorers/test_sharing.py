"""Channels that want the same scorer share one."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from scorers.build import Scoring
from scorers.sharing import SharedScorers
from stream_processor.errors import ScorerError
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


def test_threads_that_want_the_same_at_once_share_one_and_nobody_waits_for_what_he_does_not_want() -> None:
    #  first    builds motion ── gate shut ──────────────┐
    #  second   wants the same motion: waits ────────────┤ both have it
    #  third    wants another motion: has it at once     │
    gate, began = threading.Event(), threading.Event()

    def build(signals: Mapping[str, ScorerSettings]) -> Scoring:
        ((signal, settings),) = signals.items()
        if settings.kind == "farneback":
            began.set()
            assert gate.wait(20)
        return Scoring({signal: Made(signal)}, {signal: settings.kind}, {})  # type: ignore[dict-item]

    shared = SharedScorers(build)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(shared.scoring, {"motion": MotionSettings()})
        assert began.wait(20)
        second = pool.submit(shared.scoring, {"motion": MotionSettings(weight=0.1)})
        third = pool.submit(shared.scoring, {"motion": MotionSettings(kind="a.b:C")})
        assert third.result(20).kinds == {"motion": "a.b:C"}
        gate.set()
        assert first.result(20).scorers["motion"] is second.result(20).scorers["motion"]


def test_what_cannot_be_built_is_told_to_all_who_want_it() -> None:
    def build(_: Mapping[str, ScorerSettings]) -> Scoring:
        raise ScorerError("no such weights")

    shared = SharedScorers(build)
    for _ in range(2):
        with pytest.raises(ScorerError, match="no such weights"):
            shared.scoring(COMMON)
