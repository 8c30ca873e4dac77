"""The settings' steps: in their order, each with its own section, and one clear line for what is no step."""

import pytest

from stream_processor.errors import SettingsError
from stream_processor.finishing import STEPS
from stream_processor.finishing.contract import Step
from stream_processor.finishing.steps import build_steps, observers_of, reach_seconds
from stream_processor.settings import Settings


def settings(*steps: str, **sections: dict[str, object]) -> Settings:
    return Settings.model_validate({"finishing": {"steps": list(steps)}, "ring": {"seconds": 600}, **sections})


def test_they_come_in_the_order_of_the_settings() -> None:
    found = build_steps(("scene", "context"), settings())
    assert [step.name for step in found] == ["scene", "context"]


@pytest.mark.parametrize("name", STEPS)
def test_every_step_of_the_table_is_built_with_its_own_section_and_called_by_its_name(name: str) -> None:
    (step,) = build_steps((name,), settings())
    assert isinstance(step, Step)
    assert step.name == name


def test_a_step_s_section_decides_how_far_it_reaches() -> None:
    known = settings(context={"max_setup_seconds": 4.0, "max_reaction_seconds": 5.0})
    assert reach_seconds(build_steps(("context",), known)) == (4.0, 5.0)


def test_all_steps_together_reach_no_further_back_than_the_ring_is_asked_to_hold() -> None:
    known = Settings()
    before, _ = reach_seconds(build_steps(known.finishing.steps, known))
    needed = known.peaks.warmup_seconds + known.window.length_seconds + 2 * known.window.hop_seconds
    assert needed + known.clip.pre_roll_seconds + before + known.analysis.queue_seconds <= known.ring.seconds


def test_a_class_from_outside_is_built_with_nothing() -> None:
    (step,) = build_steps(("tests.finishing.odd_steps:Later",), settings())
    assert (step.name, reach_seconds([step])) == ("later", (0.0, 0.5))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("scen",), r"finishing\.steps: unknown kind 'scen', did you mean 'scene'\?"),
        (("scene", "context", "scene"), r"finishing\.steps: 'scene' is named twice"),
        (("tests.nowhere:Step",), r"finishing\.steps: cannot load 'tests\.nowhere:Step'"),
        (("tests.finishing.odd_steps:Doing",), r"finishing\.steps: 'tests\.finishing\.odd_steps:Doing' cannot be made: .*what"),
        (("tests.finishing.odd_steps:Nothing",), r"is no finishing step: it has no name and no before_seconds"),
    ],
)
def test_what_is_no_step_is_one_clear_line(names: tuple[str, ...], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as raised:
        build_steps(names, settings())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan"), "soon"])
def test_a_step_that_reaches_no_number_of_seconds_is_refused(seconds: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.finishing.odd_steps.Later.after_seconds", seconds)
    with pytest.raises(SettingsError, match="no number of seconds from 0 up"):
        build_steps(("tests.finishing.odd_steps:Later",), settings())


def test_the_setting_that_named_it_is_said() -> None:
    with pytest.raises(SettingsError, match=r"best\.finishing: unknown kind"):
        build_steps(("seen",), settings(), "best.finishing")


def test_what_they_want_observed_comes_with_its_section_where_it_has_one() -> None:
    known = settings()
    wanted = observers_of(build_steps(("context", "scene", "speech"), known), known)
    assert wanted == {"scene": known.scene, "speech": known.speech}
