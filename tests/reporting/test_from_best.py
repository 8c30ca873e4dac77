"""What ``main best`` left in its folder, read back as a page."""

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stream_processor.errors import SettingsError
from stream_processor.reporting.from_best import page_of_best
from stream_processor.reporting.html import render
from tests.reporting.test_html import Reader

PEAK = {"peak_time": 12.0, "peak_frame": 300, "score": 0.8, "components": {"sharpness": 0.9}}


def told(**changes: Any) -> dict[str, Any]:
    clip = {
        **PEAK, "rank": 1, "filename": "clip_001.mp4", "picture": None, "source_video": "/films/a.mp4", "start_time": 11.0,
        "end_time": 14.0, "duration": 3.0, "reason": "sharpness 0.90", "finishing": [{"step": "scene", "reason": "moved"}],
        "clip_reason": None, "clip_start_time": 11.0, "clip_duration": 3.0,
    }  # fmt: skip
    rejected = {**PEAK, "peak_time": 40.0, "score": 0.5, "source_video": "/films/a.mp4", "reason": "too like clip 1"}
    videos = [{"source_video": "/films/a.mp4", "duration": 60.0}]
    return {"clips": [clip], "rejected": [rejected], "videos": videos, "notes": ["no CLIP"], "parameters": {}, **changes}


def page(folder: Path, content: dict[str, Any]) -> Any:
    (folder / "metadata.json").write_text(json.dumps(content))
    return page_of_best(folder, folder / "metadata.json")


def test_clips_and_what_was_not_taken_are_shown_with_the_reasons(tmp_path: Path) -> None:
    (tmp_path / "highlights").mkdir()
    (tmp_path / "highlights" / "clip_001.mp4").write_bytes(b"film")
    (tmp_path / "timeline_a.csv").write_text("time,frame,score,smoothed\n0,0,0.1,0.2\n0.5,12,0.1,\n9,225,0.1,0.4\n")
    made = page(tmp_path, told())
    (curve,) = made.curves
    (moment,) = curve.moments
    assert (moment.film, moment.clip, moment.notes) == ("highlights/clip_001.mp4", "clip of 3.0 s", [("scene", "moved")])
    assert [(miss.peak_seconds, miss.reason) for miss in curve.near_misses] == [(40.0, "too like clip 1")]
    #  0 ─ 0.5      9        scored twice, then not for more than five seconds
    assert [[point.seconds for point in piece] for piece in curve.pieces] == [[0.0, 0.5], [9.0]]
    assert made.notes == ["no CLIP"]


def test_a_removed_clip_is_not_linked(tmp_path: Path) -> None:
    (moment,) = page(tmp_path, told()).curves[0].moments
    assert moment.film is None


def test_each_recording_has_its_own_curve(tmp_path: Path) -> None:
    videos = [{"source_video": f"/films/{name}.mp4", "duration": 60.0} for name in "ab"]
    made = page(tmp_path, told(videos=videos))
    assert [(curve.title, len(curve.moments)) for curve in made.curves] == [("a.mp4", 1), ("b.mp4", 0)]


def test_what_lies_within_a_clip_was_taken_with_it(tmp_path: Path) -> None:
    within = {**PEAK, "peak_time": 12.5, "source_video": "/films/a.mp4", "reason": "nearer than 5 s to a better one"}
    assert page(tmp_path, told(rejected=[within])).curves[0].near_misses == []


def test_pictures_and_clips_are_looked_for_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "best"
    (folder / "highlights").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "secret.jpg"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "film.mp4").write_bytes(b"")
    (clip,) = told()["clips"]
    names = {"picture": str(tmp_path / "secret.jpg"), "filename": "../../film.mp4"}
    (moment,) = page(folder, told(clips=[{**clip, **names}])).curves[0].moments
    assert (moment.picture, moment.film) == (None, None)


def test_a_name_that_is_no_text_is_no_obstacle(tmp_path: Path) -> None:
    """As Python reads a file name of odd bytes."""
    (clip,) = told()["clips"]
    odd = "/films/\udcff.mp4"
    content = told(videos=[{"source_video": odd, "duration": 60.0}], clips=[{**clip, "source_video": odd}])
    assert "#1" in Reader(render(page(tmp_path, content))).text


@pytest.mark.parametrize(
    "change",
    [
        {"start_time": math.inf},
        {"end_time": math.nan},
        {"peak_time": 1e300},
        {"rank": math.inf},
        {"components": [1]},
        {"picture": 1},
    ],
)
def test_a_time_or_value_that_cannot_be_is_one_line(change: dict[str, Any], tmp_path: Path) -> None:
    (clip,) = told()["clips"]
    with pytest.raises(SettingsError, match="not what main best writes"):
        page(tmp_path, told(clips=[{**clip, **change}]))


def test_a_recording_of_no_length_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no time in a recording"):
        page(tmp_path, told(videos=[{"source_video": "/films/a.mp4", "duration": math.inf}]))


def test_a_near_miss_without_a_score_is_told_and_not_drawn(tmp_path: Path) -> None:
    unknown = {**PEAK, "peak_time": 40.0, "score": None, "source_video": "/films/a.mp4", "reason": "why"}
    made = page(tmp_path, told(rejected=[unknown]))
    text = render(made)
    assert len(made.curves[0].near_misses) == 1
    assert 'cy="' not in text
    assert "nan" not in text


@pytest.mark.parametrize("content", ['{"clips": [', "[]", '{"clips": 1}', '{"videos": [{"source_video": 1}]}', "[" * 100_000])
def test_what_is_not_ours_is_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "metadata.json").write_text(content)
    with pytest.raises(SettingsError) as raised:
        page_of_best(tmp_path, tmp_path / "metadata.json")
    assert "\n" not in str(raised.value)
