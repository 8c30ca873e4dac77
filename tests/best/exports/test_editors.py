"""What editors are given: an edit list, EDL, FCPXML and OpenTimelineIO, each read back by somebody else.

a.mp4 (25)          ├─#1─┤ 9..12 s                 ├─#3─┤
Ü "b".mov (29.97)             ├─#2─┤ 100..103 s
"""

import re
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.best.exports import edit_list, edl, fcpxml, timeline
from stream_processor.best.exports.edit_list import EditList
from stream_processor.best.records import Selection, Video
from tests.best.selections import imagined, selection

NTSC = 30000 / 1001
ODD_NAME = 'Ü "b" & <c>\'s.mov'


def of(videos: list[Video], chosen: list[tuple[int, float]], starts: list[str | None] | None = None) -> EditList:
    return edit_list.of(selection(videos, chosen), starts or [None] * len(videos))


def two() -> EditList:
    videos = [imagined("a.mp4"), imagined(ODD_NAME, lasts=200.0, fps=NTSC, has_sound=False)]
    return of(videos, [(0, 10.0), (1, 101.0), (0, 30.0)])


def test_clips_stand_one_after_the_other_in_rank_order() -> None:
    edits = two()
    assert edits.rate == 25
    assert [(edit.record_in, edit.frames) for edit in edits.edits] == [(0, 75), (75, 75), (150, 75)]
    assert [edit.source_in for edit in edits.edits] == [225, round(100 * NTSC), 725]
    assert [edit.peak for edit in edits.edits] == [25, 30, 25]


def test_what_is_right_to_the_nearest_frame_only_is_said() -> None:
    assert two().notes == [f"{ODD_NAME} is counted in 29.97 frames a second, the list in 25"]
    assert "28.4" in of([imagined("v.mp4", fps=28.4)], [(0, 10.0)]).notes[0]
    assert of([imagined("v.mp4", fps=28.4), imagined()], [(1, 10.0)]).notes == []
    assert "an unknown number" in of([imagined("v.mp4", fps=None)], [(0, 10.0)]).notes[0]


def test_a_variable_rate_is_said() -> None:
    made = selection([imagined("v.mp4")], [(0, 10.0)])
    made.tables[0].table.times[50:] += 0.2
    assert "v.mp4 has a variable frame rate" in edit_list.of(made, [None]).notes[0]


@pytest.mark.parametrize("fps", [24000 / 1001, 24.0, 25.0, NTSC, 30.0, 50.0, 60000 / 1001, 60.0])
def test_in_and_out_are_right_to_the_frame(fps: float) -> None:
    for frame in (0, 1, 999, 1800, 17982, 107_892):
        peak = frame / fps + 1.0
        edits = of([imagined(lasts=36_000.0, fps=fps)], [(0, peak)])
        assert edits.edits[0].source_in == frame
        assert edits.edits[0].frames == round(3 * fps)


@given(st.sampled_from([12.5, 24000 / 1001, 25.0, NTSC, 60000 / 1001, 60.0]), st.integers(0, 50_000))
def test_edits_have_the_frames_that_the_clips_have(fps: float, peak: int) -> None:
    """A second before its peak there is a frame only where the rate is whole: the clip begins with the next one."""
    made = selection([imagined(lasts=36_000.0, fps=fps)], [(0, 1 + peak / fps)])
    start, end = made.chosen[0].start_seconds, made.chosen[0].end_seconds
    shown = [number for number in range(int(start * fps) - 2, int(end * fps) + 3) if start - 2e-3 <= number / fps < end - 2e-3]
    edit, counted = edit_list.of(made, [None]).edits[0], 2 if fps == 12.5 else 1
    assert (edit.source_in, edit.source_frames) == (shown[0] * counted, len(shown) * counted)


# ---- EDL -----------------------------------------------------------------------------------------------------------------

EVENT = re.compile(r"(\d{3})  (\S{1,8}) +(V|AA/V) +C +(\S{11}) (\S{11}) (\S{11}) (\S{11})")


def events(text: str) -> list[tuple[str, ...]]:
    return [found.groups() for line in text.splitlines() if (found := EVENT.fullmatch(line))]


def test_an_edl_says_what_it_counts_in_and_each_edit() -> None:
    text = edl.text(two())
    assert text.splitlines()[:2] == ["TITLE: Best moments", "FCM: NON-DROP FRAME"]
    assert events(text) == [
        ("001", "A", "AA/V", "00:00:09:00", "00:00:12:00", "01:00:00:00", "01:00:03:00"),
        ("002", "UBCS", "V", "00:01:40:00", "00:01:43:00", "01:00:03:00", "01:00:06:00"),
        ("003", "A", "AA/V", "00:00:29:00", "00:00:32:00", "01:00:06:00", "01:00:09:00"),
    ]
    assert f"* FROM CLIP NAME: {ODD_NAME}" in text


def test_drop_frame_begins_at_one_hour_too() -> None:
    text = edl.text(of([imagined(lasts=4000.0, fps=NTSC)], [(0, 107_892 / NTSC + 1.0)]))
    assert "FCM: DROP FRAME" in text
    assert events(text)[0][3:6] == ("01:00:00;00", "01:00:03;00", "01:00:00;00")


def test_recordings_that_begin_alike_have_reels_of_their_own() -> None:
    assert edl.reel_names(["gameplay one.mp4", "gameplay two.mp4", "日本.mp4", "ax.mp4"]) == [
        "GAMEPLAY",
        "GAMEPLA2",
        "VIDEO",
        "AX2",
    ]


def test_a_recording_s_own_timecode_is_counted_from() -> None:
    edits = of([imagined(fps=25.0)], [(0, 10.0)], ["10:00:00:00"])
    assert events(edl.text(edits))[0][3] == "10:00:09:00"
    assert ElementTree.fromstring(fcpxml.document(edits)).find(".//asset-clip").get("start") == "36009s"  # type: ignore[union-attr]


@pytest.mark.parametrize("fps", [24.0, 25.0, NTSC, 30.0])
def test_opentimelineio_reads_the_same_edl(fps: float) -> None:
    otio: Any = pytest.importorskip("opentimelineio")
    edits = of([imagined("a.mp4", lasts=4000.0, fps=fps), imagined("b.mp4", fps=fps)], [(0, 3700.0), (1, 20.0), (0, 62.0)])
    read = otio.adapters.read_from_string(edl.text(edits), "cmx_3600", rate=float(edits.rate))
    clips = list(read.video_tracks()[0])
    assert [clip.source_range.start_time.to_frames() for clip in clips] == [edit.source_in for edit in edits.edits]
    assert [clip.source_range.duration.to_frames() for clip in clips] == [edit.frames for edit in edits.edits]
    assert [clip.name for clip in clips] == ["a.mp4", "b.mp4", "a.mp4"]


# ---- FCPXML --------------------------------------------------------------------------------------------------------------


def seconds(text: str | None) -> Fraction:
    found = re.fullmatch(r"(\d+)(?:/(\d+))?s", text or "")
    assert found is not None, text
    return Fraction(int(found[1]), int(found[2] or 1))


ALLOWED = {
    "fcpxml": ({"version"}, ["resources", "library"]),
    "resources": (set(), ["format", "asset"]),
    "format": ({"id", "frameDuration", "width", "height"}, []),
    "asset": (
        {"id", "name", "start", "duration", "hasVideo", "format", "hasAudio", "audioSources", "audioChannels"},
        ["media-rep"],
    ),
    "media-rep": ({"kind", "src"}, []),
    "library": (set(), ["event"]),
    "event": ({"name"}, ["project"]),
    "project": ({"name"}, ["sequence"]),
    "sequence": ({"format", "duration", "tcStart", "tcFormat"}, ["spine"]),
    "spine": (set(), ["asset-clip"]),
    "asset-clip": ({"ref", "name", "offset", "start", "duration", "format", "tcFormat"}, ["note", "marker"]),
    "note": (set(), []),
    "marker": ({"start", "duration", "value"}, []),
}
"""Of FCPXML 1.9 what we use: for each element its attributes, and its children in the order that they must come in."""


def test_an_fcpxml_has_the_structure_that_apple_asks_for() -> None:
    document = fcpxml.document(two())
    assert document.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>')
    root = ElementTree.fromstring(document)
    for element in root.iter():
        attributes, children = ALLOWED[element.tag]
        assert set(element.keys()) <= attributes
        order = [children.index(child.tag) for child in element]
        assert order == sorted(order)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert {element.get(name) for element in root.iter() for name in ("ref", "format") if element.get(name)} <= set(ids)


def test_its_clips_adjoin_and_lie_within_their_recordings() -> None:
    root = ElementTree.fromstring(fcpxml.document(two()))
    frame = seconds(root.find(".//format[@id='r0']").get("frameDuration"))  # type: ignore[union-attr]
    assets = {asset.get("id"): asset for asset in root.iter("asset")}
    at = Fraction(0)
    for clip in root.iter("asset-clip"):
        asset = assets[clip.get("ref")]
        assert seconds(clip.get("offset")) == at
        assert (seconds(clip.get("duration")) / frame).denominator == 1
        assert seconds(asset.get("start")) <= seconds(clip.get("start"))
        assert seconds(clip.get("start")) + seconds(clip.get("duration")) <= seconds(asset.get("start")) + seconds(
            asset.get("duration")
        )
        at += seconds(clip.get("duration"))
    sequence = root.find(".//sequence")
    assert sequence is not None
    assert seconds(sequence.get("duration")) == at


def test_recordings_are_named_by_urls_that_lead_back_to_their_paths() -> None:
    root = ElementTree.fromstring(fcpxml.document(two()))
    urls = [element.get("src") or "" for element in root.iter("media-rep")]
    assert [unquote(urlsplit(url).path) for url in urls] == [
        Path("a.mp4").absolute().as_posix(),
        Path(ODD_NAME).absolute().as_posix(),
    ]
    assert all(url.isascii() and " " not in url for url in urls)
    assert of([imagined("x/../a.mp4")], [(0, 10.0)]).media[0].url == urls[0]


def test_opentimelineio_reads_the_same_fcpxml() -> None:
    otio: Any = pytest.importorskip("opentimelineio")
    edits = of([imagined("a.mp4", fps=25.0)], [(0, 10.0), (0, 30.0)])
    read = otio.adapters.read_from_string(fcpxml.document(edits).decode(), "fcpx_xml")
    clips = list(read.find_clips())
    assert [clip.source_range.start_time.to_seconds() for clip in clips] == [9.0, 29.0]
    assert [clip.source_range.duration.to_seconds() for clip in clips] == [3.0, 3.0]


# ---- OpenTimelineIO ------------------------------------------------------------------------------------------------------


def test_an_otio_document_counts_each_recording_in_its_own_frames() -> None:
    otio: Any = pytest.importorskip("opentimelineio")
    edits = two()
    read = otio.adapters.read_from_string(timeline.text(edits), "otio_json")
    clips = list(read.video_tracks()[0])
    assert [clip.source_range.start_time.value for clip in clips] == [edit.source_in for edit in edits.edits]
    assert [clip.source_range.start_time.rate for clip in clips] == pytest.approx([25, NTSC, 25])
    assert [clip.media_reference.target_url for clip in clips] == [edits.media[edit.medium].url for edit in edits.edits]
    assert [clip.markers[0].marked_range.start_time.value for clip in clips] == [250, round(100 * NTSC) + 30, 750]
    sounds = list(read.audio_tracks()[0])
    assert [type(item).__name__ for item in sounds] == ["Clip", "Gap", "Clip"]


def test_a_selection_of_nothing_is_an_empty_list() -> None:
    edits = of([imagined()], [])
    assert events(edl.text(edits)) == []
    assert ElementTree.fromstring(fcpxml.document(edits)).find(".//spine") is not None


def made_with_peaks(count: int) -> Selection:
    return selection([imagined(lasts=10_000.0)], [(0, float(seconds)) for seconds in np.linspace(5, 9000, count)])


def test_a_thousand_clips_are_numbered_on() -> None:
    text = edl.text(edit_list.of(made_with_peaks(1000), [None]))
    assert "\n999  " in text
    assert "\n1000  " in text
