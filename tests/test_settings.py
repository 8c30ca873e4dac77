"""The classes themselves: what goes together. How they are read is in test_configuration."""

import pytest
from pydantic import ValidationError

from scorers import OBSERVERS
from stream_processor.settings import Settings


def test_the_defaults_are_the_same_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIP_HIGHLIGHTS_LOG__LEVEL", "error")
    assert Settings().log.level == "info"


def test_the_ring_must_reach_back_over_warm_up_window_look_ahead_pre_roll_and_queue() -> None:
    # warm-up 60 + window 5 + look-ahead 2 × 3 + pre-roll 3 + queue 6 = 80
    cut_as_planned = {"finishing": {"steps": []}}
    assert Settings.model_validate({**cut_as_planned, "ring": {"seconds": 80}}).ring.seconds == 80
    with pytest.raises(ValidationError, match=r"ring\.seconds = 79\.9 must be at least 80:.*lower peaks\.warmup_seconds"):
        Settings.model_validate({**cut_as_planned, "ring": {"seconds": 79.9}})
    no_warmup = {"ring": {"seconds": 23}, "peaks": {"warmup_seconds": 0}}
    assert Settings.model_validate({**cut_as_planned, **no_warmup}).ring.seconds == 23


def test_the_ring_must_reach_as_much_further_back_as_finishing_steps_may_let_a_clip_begin() -> None:
    # 80 + context 6 + scene 1.5 + speech 1.5 = 89
    assert Settings.model_validate({"ring": {"seconds": 89}}).ring.seconds == 89
    with pytest.raises(ValidationError, match=r"ring\.seconds = 88\.9 must be at least 89:.*what finishing may add"):
        Settings.model_validate({"ring": {"seconds": 88.9}})
    scene_alone = {"finishing": {"steps": ["scene", "tests.somewhere:Step"]}}
    assert Settings.model_validate({**scene_alone, "ring": {"seconds": 81.5}}).ring.seconds == 81.5


def test_waiting_screens_are_measured_and_never_weighed() -> None:
    usual = Settings()
    assert list(usual.measured) == [*usual.signals, "nuisance"]
    assert usual.measured["nuisance"].weight == 0
    off = Settings.model_validate({"nuisance": {"kind": "off"}})
    assert off.measured == off.signals
    with pytest.raises(ValidationError, match=r"\[scorers\.nuisance\] is taken: use \[nuisance\]"):
        Settings.model_validate({"scorers": {"nuisance": {"kind": "a:B", "weight": 0.5}}})


def test_at_least_one_signal_must_count() -> None:
    silent = {name: {"weight": 0} for name in ("motion", "novelty", "loudness")}
    with pytest.raises(ValidationError, match="every signal's weight is 0"):
        Settings.model_validate(silent)
    own = {"sharpness": {"kind": "a:B", "weight": 0.5}}
    assert list(Settings.model_validate({**silent, "scorers": own}).signals) == ["motion", "novelty", "loudness", "sharpness"]


def test_a_signal_of_ones_own_cannot_take_a_name_that_is_taken() -> None:
    with pytest.raises(ValidationError, match=r"use \[motion\]"):
        Settings.model_validate({"scorers": {"motion": {"kind": "a:B", "weight": 0.5}}})


@pytest.mark.parametrize("name", OBSERVERS)
def test_nor_the_name_of_what_finishing_observes(name: str) -> None:
    with pytest.raises(ValidationError, match="give your signal another name"):
        Settings.model_validate({"scorers": {name: {"kind": "a:B", "weight": 0.5}}})


def test_the_broker_s_password_does_not_show_in_a_repr() -> None:
    assert "SECRET" not in repr(Settings.model_validate({"mqtt": {"url": "mqtt://u:SECRET@h"}}))
