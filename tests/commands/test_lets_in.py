"""What the report says would have let a moment in does let it in."""

import re
from collections.abc import Sequence
from typing import Any

from stream_processor.commands.lets_in import ways_in
from stream_processor.commands.recordings import JournaledRun
from stream_processor.commands.remembering import Remembering
from stream_processor.commands.replay import decide_again, normaliser_of
from stream_processor.deciding.decisions import deciding_settings
from stream_processor.journaling.rows import Run
from stream_processor.records import PaneScore, Sum, replace
from stream_processor.reporting.near_misses import near_misses
from stream_processor.reporting.page import NearMiss
from stream_processor.settings import PeaksSettings, Settings
from tests.commands.test_replay import STARTED_AT, stream


def louder(panes: Sequence[PaneScore], first: int, stop: int, level: float) -> list[PaneScore]:
    high = {"loudness": Sum(90 * level, 90)}
    return [replace(pane, signals={**pane.signals, **high}) if first <= pane.number < stop else pane for pane in panes]


def recorded(panes: Sequence[PaneScore], settings: Settings) -> JournaledRun:
    run = Run("r", "x", "demo", STARTED_AT, STARTED_AT, deciding_settings(settings), (), {})
    return JournaledRun(run, panes, [], [])


def settings_with(**peaks: Any) -> Settings:
    return Settings(peaks=PeaksSettings(**peaks))


def near(panes: Sequence[PaneScore], settings: Settings) -> list[NearMiss]:
    run, saliency = recorded(panes, settings), Remembering(normaliser_of(settings))
    decided = decide_again(run, settings, saliency)
    return near_misses(decided.windows, decided.highlights, ways_in(run, settings, saliency))


def is_taken(panes: Sequence[PaneScore], settings: Settings, seconds: float) -> bool:
    highlights = decide_again(recorded(panes, settings), settings).highlights
    return any(one.start_seconds <= seconds <= one.end_seconds for one in highlights)


def test_the_rise_that_is_named_is_low_enough_and_hardly_lower() -> None:
    panes = louder(stream(200, []), 120, 130, 0.08)
    (miss,) = near(panes, Settings())
    (named,) = map(float, re.findall(r"peaks\.min_rise=([\d.]+) would take it", miss.reason))
    assert not is_taken(panes, Settings(), miss.peak_seconds)
    assert is_taken(panes, settings_with(min_rise=named), miss.peak_seconds)
    assert not is_taken(panes, settings_with(min_rise=named + 0.02), miss.peak_seconds)


def test_a_bar_that_highlights_have_raised_is_named_first() -> None:
    """Three bursts alike: the first two are let through, and raise the bar for the third."""
    panes = stream(500, [])
    for start in (150, 250, 350):
        panes = louder(panes, start, start + 8, 0.12)
    strict = settings_with(ordinary_per_hour=1.5, outstanding=1.5)
    miss = near(panes, strict)[-1]
    assert 345 < miss.peak_seconds < 360
    assert "highlights of the hour before had raised the bar; a higher peaks.ordinary_per_hour would take it" in miss.reason
    assert is_taken(panes, settings_with(ordinary_per_hour=3.0, outstanding=1.5), miss.peak_seconds)


def test_where_a_number_of_clips_was_asked_for_a_higher_number_is_named() -> None:
    panes = stream(500, [])
    for start, level in ((150, 0.2), (250, 0.15), (350, 0.12)):
        panes = louder(panes, start, start + 8, level)
    misses = near(panes, settings_with(clips_per_hour=8.0))
    assert len(misses) == 2
    for miss in misses:
        (named,) = map(float, re.findall(r"peaks\.clips_per_hour=([\d.]+) would take it", miss.reason))
        assert is_taken(panes, settings_with(clips_per_hour=named), miss.peak_seconds)


def test_a_detector_from_outside_is_not_spoken_for() -> None:
    settings = Settings()
    outside = settings.model_copy(update={"peaks": settings.peaks.model_copy(update={"kind": "some.package:Detector"})})
    assert ways_in(recorded(stream(100, []), settings), outside, Remembering(normaliser_of(settings))) == []
