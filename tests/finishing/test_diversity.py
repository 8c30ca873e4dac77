"""Repeats: the same scene twice, with the same sound, with another, and with none.

stream   ──[ A ]───────[ B ]──────────[ A ]──     the second A is a repeat of the first, B is not
"""

import numpy as np
import pytest

from stream_processor.finishing.contract import Step
from stream_processor.finishing.diversity import MOST_REMEMBERED, Diversity
from stream_processor.finishing.draft import Draft
from stream_processor.finishing.settings import DiversitySettings
from stream_processor.records import Highlight, Samples
from tests.finishing.recorded import Recorded
from tests.finishing.test_alike import moved, scene


def seconds_of(samples: Samples) -> Samples:
    """The same with one vector a second, as timbre has it."""
    assert samples.vectors is not None
    return Samples(samples.times[::5] + 0.5, samples.values[::5], samples.vectors[::5])


def finished(
    step: Step, at_seconds: float, look: int, sound: int | None, *, id: str = "", traces: dict[str, Samples] | None = None
) -> Draft:
    """The step's draft for a highlight of ten seconds that shows scene ``look`` and lets hear ``sound``."""
    if traces is None:
        traces = {"novelty": moved(scene(look), at_seconds)}
        if sound is not None:
            traces["timbre"] = moved(seconds_of(scene(100 + sound)), at_seconds)
    peak = at_seconds + 5
    highlight = Highlight(id or f"at {at_seconds:g}", 0, at_seconds, at_seconds + 10, peak, 1.0, 0.5, {}, {})
    return step.finish(Draft(highlight, at_seconds - 2, at_seconds + 12), Recorded(traces))


def diversity(**settings: object) -> Diversity:
    return Diversity(DiversitySettings.model_validate(settings))


def test_a_replay_is_marked_with_the_id_of_the_first_and_kept() -> None:
    step = diversity()
    assert finished(step, 100, look=1, sound=1).repeat_of is None
    assert finished(step, 150, look=2, sound=2).repeat_of is None
    again = finished(step, 200, look=1, sound=1)
    assert again.repeat_of == "at 100"
    assert again.keep
    assert [note.reason for note in again.notes] == ["looks and sounds like the highlight 100 s before it: a repeat"]


def test_it_is_not_kept_where_the_settings_say_so() -> None:
    step = diversity(repeats="drop")
    finished(step, 100, look=1, sound=1)
    again = finished(step, 200, look=1, sound=1)
    assert not again.keep
    assert "not kept (diversity.repeats)" in again.notes[-1].reason


def test_two_fights_before_the_same_background_are_no_repeats() -> None:
    step = diversity()
    assert [finished(step, 100 * n, look=n, sound=n).repeat_of for n in range(1, 6)] == [None] * 5


def test_the_same_picture_with_another_sound_is_none() -> None:
    step = diversity()
    finished(step, 100, look=1, sound=1)
    assert finished(step, 200, look=1, sound=2).repeat_of is None


def test_the_same_sound_with_another_picture_is_none() -> None:
    step = diversity()
    finished(step, 100, look=1, sound=1)
    assert finished(step, 200, look=2, sound=1).repeat_of is None


@pytest.mark.parametrize(("first", "second"), [(None, None), (1, None), (None, 1)])
def test_without_sound_the_picture_decides(first: int | None, second: int | None) -> None:
    step = diversity()
    finished(step, 100, look=1, sound=first)
    again = finished(step, 200, look=1, sound=second)
    assert again.repeat_of == "at 100"
    assert again.notes[0].reason == "looks like the highlight 100 s before it: a repeat"


def test_a_repeat_of_a_repeat_names_the_first_though_that_is_forgotten() -> None:
    step = diversity(memory_seconds=150)
    assert [finished(step, at, look=1, sound=1).repeat_of for at in (100, 220, 340)] == [None, "at 100", "at 100"]


def test_what_is_longer_ago_than_the_memory_is_forgotten() -> None:
    step = diversity(memory_seconds=60)
    finished(step, 100, look=1, sound=1)
    assert finished(step, 170.1, look=1, sound=1).repeat_of is None


def test_without_memory_nothing_is_compared() -> None:
    step = diversity(memory_seconds=0)
    finished(step, 100, look=1, sound=1)
    assert finished(step, 110, look=1, sound=1).repeat_of is None


def test_a_still_picture_is_no_repeat_of_itself() -> None:
    step = diversity()
    still = {"novelty": scene(1, spread=0.001)}
    traces = [{"novelty": moved(still["novelty"], at)} for at in (100.0, 200.0)]
    drafts = [finished(step, at, 1, 1, traces=trace) for at, trace in zip((100.0, 200.0), traces, strict=True)]
    assert [draft.repeat_of for draft in drafts] == [None, None]


def test_another_kind_of_novelty_is_not_compared_and_said_once() -> None:
    def shorter(at: float) -> dict[str, Samples]:
        whole = moved(scene(1), at)
        assert whole.vectors is not None
        return {"novelty": Samples(whole.times, whole.values, whole.vectors[:, :12])}

    step = diversity()
    finished(step, 100, look=1, sound=1)
    fallen = finished(step, 200, 1, 1, traces=shorter(200))
    assert fallen.repeat_of is None
    assert [note.reason for note in fallen.notes] == [
        "not compared with earlier highlights: their pictures were measured in another way"
    ]
    assert finished(step, 300, 1, 1, traces=shorter(300)).repeat_of == "at 200"


def test_without_anything_to_go_by_the_draft_stays_as_it_is() -> None:
    step = diversity()
    for at in (100.0, 200.0):
        assert finished(step, at, 1, 1, traces={}).notes == ()


def test_what_it_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream_processor.finishing.diversity.MOST_REMEMBERED", 8)
    step = diversity(memory_seconds=80000)
    for number in range(10):
        finished(step, 20.0 * number, look=number, sound=None)
    assert len(step._known) == 8
    assert max(known.looks.changes.nbytes for known in step._known) * MOST_REMEMBERED < 10e6


def test_pictures_once_a_second_are_compared_once_a_second() -> None:
    step = diversity()

    def sparse(at: float) -> dict[str, Samples]:
        return {"novelty": moved(seconds_of(scene(1)), at)}

    finished(step, 100, 1, 1, traces=sparse(100))
    assert finished(step, 200, 1, 1, traces=sparse(200)).repeat_of == "at 100"
    assert np.isclose(step._known[0].looks.step_seconds, 1.0)
