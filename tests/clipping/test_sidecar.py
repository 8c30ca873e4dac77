"""A sidecar says what a highlight is, in names that other programs know, as strict JSON."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from stream_processor.clipping.sidecar import describe, file_stem, highlight_id, why
from stream_processor.finishing.draft import Draft
from stream_processor.records import Clip, Epoch, Highlight, Media, ScoredWindow, VideoFormat, Window, replace

EPOCH = Epoch(1, 100.0, datetime(2026, 11, 20, 20, 15, tzinfo=UTC), 0.0, Media("flv", VideoFormat("h264", 1280, 720), None))
WINDOW = Window(1, 2, 106.0, 111.0, {"motion": 0.5, "loudness": 0.1}, (6, 11))
HIGHLIGHT = Highlight(
    id="r-1-2",
    epoch=1,
    start_seconds=106.0,
    end_seconds=114.0,
    peak_seconds=108.5,
    score=3.5,
    threshold=1.25,
    components={"motion": 0.5, "loudness": 0.1},
    deviations={"motion": 3.14, "loudness": 6.2},
    windows=(ScoredWindow(WINDOW, 3.0, {"motion": 3.14}, 3.5, 1.25),),
)
CLIP = Clip("20261120T201506Z-r-1-2.mp4", 103.0, 13.0, "h264", 1280, 720, 60.0, "aac", "copy", "20261120T201506Z-r-1-2.jpg")
PARAMETERS = {"window": {"length_seconds": 5.0}, "scorers": {"novelty": "light"}}


def test_a_highlight_with_its_clip_has_every_name_of_the_design() -> None:
    told = describe(
        HIGHLIGHT, channel="x", source="demo", epoch=EPOCH, parameters=PARAMETERS, clip=CLIP, absent=["novelty"], final=True
    )
    assert told == {
        "schema": 1,
        "id": "r-1-2",
        "channel": "x",
        "filename": "20261120T201506Z-r-1-2.mp4",
        "picture": "20261120T201506Z-r-1-2.jpg",
        "source_video": "demo",
        "start_time": 106.0,
        "end_time": 114.0,
        "duration": 8.0,
        "peak_time": 108.5,
        "started_at": "2026-11-20T20:15:06.000Z",
        "final": True,
        "score": 3.5,
        "threshold": 1.25,
        "components": {"motion": 0.5, "loudness": 0.1},
        "deviations": {"motion": 3.14, "loudness": 6.2},
        "reason": "loudness +6.2, motion +3.1",
        "absent_signals": ["novelty"],
        "windows": [{"start_time": 106.0, "end_time": 111.0, "score": 3.5, "components": {"motion": 0.5, "loudness": 0.1}}],
        "kept": True,
        "repeat_of": None,
        "finishing": [],
        "clip_planned": None,
        "clip": {"codec": "h264", "width": 1280, "height": 720, "fps": 60.0, "audio": "aac", "cut": "copy"},
        "clip_reason": None,
        "clip_start_time": 103.0,
        "clip_duration": 13.0,
        "parameters": PARAMETERS,
    }


def test_without_a_clip_it_says_why() -> None:
    told = describe(HIGHLIGHT, channel="x", source="demo", epoch=EPOCH, parameters={}, reason="disk full", final=True)
    assert (told["clip"], told["filename"], told["clip_start_time"], told["clip_duration"]) == (None, None, None, None)
    assert told["clip_reason"] == "disk full"


def test_what_finishing_has_made_of_it_is_said_step_by_step() -> None:
    draft = Draft(HIGHLIGHT, 103.0, 116.0).moved("scene", "start moved 0.4 s later", start_seconds=103.4)
    told = describe(HIGHLIGHT, channel="x", source="demo", epoch=EPOCH, parameters={}, draft=draft)
    assert told["finishing"] == [{"step": "scene", "reason": "start moved 0.4 s later"}]
    assert (told["kept"], told["clip_planned"]) == (True, {"start_time": 103.4, "end_time": 116.0})
    assert (told["start_time"], told["end_time"]) == (106.0, 114.0), "the highlight's own are the detector's"


def test_one_that_is_not_kept_says_so_and_of_what_it_is_a_repeat() -> None:
    draft = replace(Draft(HIGHLIGHT, 103.0, 116.0), repeat_of="r-1-1").dropped("diversity", "a repeat of r-1-1")
    told = describe(HIGHLIGHT, channel="x", source="demo", epoch=EPOCH, parameters={}, draft=draft, reason="a repeat of r-1-1")
    assert (told["kept"], told["repeat_of"], told["clip_planned"], told["clip"]) == (False, "r-1-1", None, None)


def test_its_utc_start_counts_from_the_epoch_and_not_from_the_run() -> None:
    elsewhere = replace(EPOCH, started_at=EPOCH.started_at.astimezone(timezone(timedelta(hours=-8))))
    told = describe(replace(HIGHLIGHT, start_seconds=101.25), channel="x", source="demo", epoch=elsewhere, parameters={})
    assert told["started_at"] == "2026-11-20T20:15:01.250Z"


numbers = st.floats()  # NaN and the infinities too


@given(score=numbers, threshold=numbers, value=numbers)
def test_it_is_strict_json_whatever_was_measured(score: float, threshold: float, value: float) -> None:
    window = ScoredWindow(replace(WINDOW, values={"motion": value}), math.nan, {}, score, threshold)
    odd = replace(
        HIGHLIGHT, score=score, threshold=threshold, components={"motion": value}, deviations={"motion": value}, windows=(window,)
    )
    told = describe(odd, channel="x", source="demo", epoch=EPOCH, parameters={})
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_the_most_unusual_signal_comes_first() -> None:
    assert why(replace(HIGHLIGHT, deviations={"motion": -0.5, "novelty": 2.0})) == "novelty +2.0, motion -0.5"


def test_files_sort_by_time_and_carry_the_id() -> None:
    local = datetime(2026, 11, 20, 21, 15, 0, 999_000, tzinfo=timezone(timedelta(hours=1)))
    assert file_stem(local, "ID") == "20261120T201500Z-ID"


@given(first=st.tuples(st.integers(0), st.integers(0)), second=st.tuples(st.integers(0), st.integers(0)))
def test_two_highlights_of_a_run_share_an_id_only_if_they_are_one(first: tuple[int, int], second: tuple[int, int]) -> None:
    assert (highlight_id("run", *first) == highlight_id("run", *second)) == (first == second)
