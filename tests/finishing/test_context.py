"""The context step: the rolls count from the rise and from the end of the reaction, and the highlight itself is never cut.

Each character is a second of the stream: ``#`` as lively as the highlight, ``+`` a little more than half of it, ``-`` on the way
there, ``.`` calm, ``?`` not measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.finishing.context import Context
from stream_processor.finishing.contract import Step
from stream_processor.finishing.draft import Draft
from stream_processor.finishing.settings import ContextSettings
from stream_processor.records import Highlight, Samples, ScoredWindow, Window
from tests.finishing.recorded import Recorded


@dataclass(frozen=True)
class Judged(Recorded):
    scored: Sequence[ScoredWindow] = ()

    def windows(self, start_seconds: float, end_seconds: float) -> Sequence[ScoredWindow]:
        return [one for one in self.scored if one.window.start_seconds < end_seconds and one.window.end_seconds > start_seconds]


LEVELS = {"#": 1.0, "+": 0.6, "-": 0.3, ".": 0.0}
START, END = 10.0, 14.0
"""The highlight's; its clip is planned with a second more on either side."""


def trace(line: str) -> Samples:
    there = [(second + 0.5, LEVELS[level]) for second, level in enumerate(line) if level != "?"]
    return Samples(np.array([at for at, _ in there]), np.array([level for _, level in there]))


def windows(scores: str) -> Sequence[ScoredWindow]:
    """Of 2 s, every two seconds: as high as the highlight's threshold, as low as it gets, or ``?``: not judged."""
    levels = {"#": 0.4, ".": 0.0, "?": float("nan")}
    return [
        ScoredWindow(Window(0, number, 2.0 * number, 2.0 * number + 2, {}, (number, number + 1)), levels[level], {}, 0.5, 0.4)
        for number, level in enumerate(scores)
    ]


def clip(**deviations: float) -> Draft:
    told = deviations or {"motion": 1.0}
    moment = Highlight("r-0-1", 0, START, END, 12.0, 0.9, 0.4, dict.fromkeys(told, 1.0), told)
    return Draft(moment, START - 1, END + 1)


def finished(
    traces: dict[str, str],
    draft: Draft | None = None,
    *,
    scores: str = "",
    bounds: tuple[float, float] = (0.0, 30.0),
    **settings: float,
) -> Draft:
    evidence = Judged({name: trace(line) for name, line in traces.items()}, bounds, windows(scores))
    return Context(ContextSettings(**settings)).finish(draft or clip(), evidence)


def span(draft: Draft) -> tuple[float, float]:
    return draft.start_seconds, draft.end_seconds


def reasons(draft: Draft) -> list[str]:
    return [note.reason for note in draft.notes]


def test_it_is_a_step_that_needs_no_observer() -> None:
    step = Context(ContextSettings(max_setup_seconds=4, max_reaction_seconds=5))
    assert isinstance(step, Step)
    assert (step.before_seconds, step.after_seconds) == (4, 5)


def test_a_clip_begins_its_pre_roll_before_the_rise_to_its_highlight() -> None:
    #                               |HHHH|
    made = finished({"motion": "......--++####......"})
    assert span(made) == (START - 1 - 4, END + 1)
    assert reasons(made) == ["begins 4 s earlier: the score began to rise before"]
    assert made.notes[0].moved == ("start",)


def test_it_ends_its_post_roll_after_the_reaction() -> None:
    made = finished({"motion": "..........####+-......"})
    assert span(made) == (START - 1, END + 1 + 2)
    assert reasons(made) == ["ends 2 s later: the reaction lasts"]
    assert made.notes[0].moved == ("end",)


def test_calm_seconds_within_the_highlight_s_own_windows_count_as_rolls() -> None:
    #                               |HHHH|
    made = finished({"motion": "...........##......."}, Draft(clip().highlight, START - 3, END + 3))
    assert span(made) == (START - 2, END + 2)
    assert reasons(made) == ["begins 1 s later: it was calm until then; ends 1 s earlier: it was calm by then"]


def test_the_highlight_itself_is_never_cut() -> None:
    assert span(finished({"motion": "............##......"})) == (START, END + 1)
    assert span(finished({"motion": "..........##........"})) == (START - 1, END)


def test_where_it_is_calm_right_before_and_after_it_stays_as_it_was_planned() -> None:
    planned = clip()
    assert finished({"motion": "...###....####....###."}, planned) is planned, "what lies apart does not belong to it"


def test_windows_that_were_nearly_part_of_the_highlight_bridge_a_lull_in_its_rise() -> None:
    #                                |   |HHHH|
    rises = {"motion": ".......#..####......"}
    assert span(finished(rises, scores="...########")) == (START - 1 - 3, END + 1), "in the first of them, where it is lively"
    assert span(finished(rises, scores="....#######")) == (START - 1, END + 1), "that second lies in a window that was calm"
    assert span(finished(rises, scores="...?#######")) == (START - 1, END + 1), "or was not judged"


def test_scores_that_are_high_for_as_long_as_can_be_seen_are_no_rise() -> None:
    assert span(finished({"motion": "...#.#.#..####......"}, scores="#######....")) == (START - 1, END + 1)


def test_it_goes_no_further_than_the_settings_say_and_says_so() -> None:
    made = finished({"motion": "..++++++++####++++++................"}, max_setup_seconds=3, max_reaction_seconds=1.5)
    assert span(made) == (START - 1 - 3, END + 1 + 1.5)
    assert reasons(made) == [
        (
            "begins 3 s earlier, as much as there may be: the score began to rise before; "
            "ends 1.5 s later, as much as there may be: the reaction lasts"
        )
    ]


def test_it_goes_no_further_than_the_stream() -> None:
    made = finished({"motion": "..++++++++####++++++................"}, bounds=(8.25, 16.0))
    assert span(made) == (8.25, 16.0)


def test_applause_is_a_reaction_though_nothing_moves_any_more_and_no_reason_to_begin_earlier() -> None:
    made = finished({"motion": "..........####.......", "loudness": ".......+++####+++...."}, clip(motion=1.0, loudness=0.1))
    assert span(made) == (START - 1, END + 1 + 3)


def test_each_signal_counts_by_how_unusual_it_was_in_the_highlight() -> None:
    traces = {"motion": "......########......", "novelty": "..........####......"}
    assert span(finished(traces, clip(motion=1.0, novelty=0.2)))[0] == START - 1 - 4
    assert span(finished(traces, clip(motion=0.1, novelty=1.0)))[0] == START - 1
    assert span(finished(traces, clip(motion=1.0, novelty=-0.5)))[0] == START - 1 - 4


def test_what_was_not_measured_is_not_taken_for_calm() -> None:
    assert span(finished({"motion": ".....++++?####++......"})) == (START - 1, END + 1 + 2)
    assert span(finished({"motion": ".....+?+++####?+......"})) == (START - 1 - 3, END + 1)
    assert span(finished({"motion": ".........???##......"})) == (START - 1, END + 1)
    assert span(finished({"motion": "..........##???....."})) == (START - 1, END + 1)


def test_where_nothing_was_measured_it_says_so() -> None:
    made = finished({})
    assert span(made) == (START - 1, END + 1)
    assert reasons(made) == ["had nothing to go by: around the highlight nothing was measured"]


lines = st.text("#+-.?", min_size=30, max_size=30)
scores = st.text("#.?", min_size=15, max_size=15)
seconds = st.floats(0, 12)


@given(
    motion=lines, loudness=lines, judged=scores, setup=seconds, reaction=seconds, first=st.floats(0, 9), last=st.floats(15, 30)
)
def test_whatever_was_measured_the_highlight_is_in_it_and_no_bound_is_crossed(
    motion: str, loudness: str, judged: str, setup: float, reaction: float, first: float, last: float
) -> None:
    planned = clip(motion=1.0, loudness=0.5)
    settings = {"max_setup_seconds": setup, "max_reaction_seconds": reaction}
    made = finished({"motion": motion, "loudness": loudness}, planned, scores=judged, bounds=(first, last), **settings)
    assert max(first, planned.start_seconds - setup - 1e-9) <= made.start_seconds <= START
    assert END <= made.end_seconds <= min(last, planned.end_seconds + reaction + 1e-9)
    assert made.highlight == planned.highlight


@given(motion=lines, judged=scores, less=st.tuples(seconds, seconds), more=st.tuples(seconds, seconds))
def test_a_larger_limit_never_makes_a_shorter_clip(
    motion: str, judged: str, less: tuple[float, float], more: tuple[float, float]
) -> None:
    def made(limits: tuple[float, float]) -> Draft:
        return finished({"motion": motion}, scores=judged, max_setup_seconds=limits[0], max_reaction_seconds=limits[1])

    short, long = made(less), made((max(less[0], more[0]), max(less[1], more[1])))
    assert long.start_seconds == pytest.approx(short.start_seconds) or long.start_seconds < short.start_seconds
    assert long.end_seconds == pytest.approx(short.end_seconds) or long.end_seconds > short.end_seconds
