"""What a clip holds of what was planted, drawn as time lines."""

import pytest

from benchmarks.context import Fit, fit, fits, planned
from benchmarks.streams import Stream
from stream_processor.finishing.draft import Draft
from stream_processor.records import Highlight


def clip(start: float, end: float, *, highlight: tuple[float, float] = (12.0, 18.0)) -> Draft:
    return Draft(Highlight("a", 0, *highlight, 15.0, 0.9, 0.4, {}, {}), start, end)


def test_a_clip_is_held_against_the_one_interval_that_its_highlight_meets() -> None:
    #  planted      [10 ═════ 20]
    #  clip      [7 ─────────────── 22]
    drafts = [clip(7.0, 22.0)]
    assert fits(Stream([], [(10.0, 20.0), (30.0, 40.0)]), drafts) == [Fit(3.0, 2.0, 1.0, 15.0)]
    assert fits(Stream([], [(30.0, 40.0)]), drafts) == []
    assert fits(Stream([], [(10.0, 13.0), (17.0, 20.0)]), drafts) == [], "of two it says nothing how well they are held"


def test_one_that_begins_too_late_and_ends_too_soon_holds_a_part() -> None:
    found = fit(clip(12.5, 18.0), (10.0, 20.0))
    assert found == Fit(pytest.approx(-2.5), pytest.approx(-2.0), pytest.approx(0.55), pytest.approx(5.5))


def test_the_plan_is_the_highlight_with_its_rolls_whatever_finishing_made_of_it() -> None:
    assert (planned(clip(12.0, 18.0)).start_seconds, planned(clip(12.0, 18.0)).end_seconds) == (9.0, 20.0)
