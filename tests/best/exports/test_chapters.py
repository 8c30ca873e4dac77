"""Chapters, for people and for FFmpeg, and the table for spreadsheets."""

import csv
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from stream_processor.best.exports import chapters, start_timecode, table
from tests.best.selections import imagined, selection


def test_chapters_are_in_the_order_of_time_and_begin_at_nought() -> None:
    text = chapters.text(selection([imagined(lasts=4000.0)], [(0, 3700.0), (0, 62.0)]))
    assert text.splitlines() == ["0:00 Start", "1:01 Best moment 2 (score 0.98)", "1:01:39 Best moment 1 (score 0.99)"]


def test_what_lies_nearer_than_ten_seconds_is_one_chapter() -> None:
    text = chapters.text(selection([imagined()], [(0, 3.0), (0, 30.0), (0, 37.0)]))
    assert text.splitlines() == [
        "0:00 Best moment 1 (score 0.99)",
        "0:29 Best moment 2 (score 0.98), Best moment 3 (score 0.97)",
    ]


def test_each_video_has_its_own() -> None:
    made = selection([imagined("a.mp4"), imagined("b.mp4"), imagined("c.mp4")], [(2, 30.0), (0, 20.0)])
    assert [block.splitlines()[0] for block in chapters.text(made).split("\n\n")] == ["a.mp4:", "c.mp4:"]
    assert chapters.ffmetadata(made, 1) == ""


def test_ffmpeg_takes_the_chapters(need_program: Callable[..., Path], made: Callable[..., Path], tmp_path: Path) -> None:
    ffmpeg = need_program("ffmpeg")
    written = tmp_path / "chapters.ffmetadata"
    written.write_text(chapters.ffmetadata(selection([imagined(lasts=8.0)], [(0, 5.0), (0, 1.5)]), 0), encoding="utf-8")
    source, output = made("h264 in mp4"), tmp_path / "out.mkv"
    command = [ffmpeg, "-v", "error", "-i", source, "-i", written, "-map_metadata", "1", "-codec", "copy", output]
    subprocess.run(command, check=True, timeout=100)
    with av.open(str(output)) as container:
        found = [(float(one["start"] * one["time_base"]), one["metadata"]["title"]) for one in container.chapters()]
    assert found == [(0.5, "Best moment 2 (score 0.98)"), (4.0, "Best moment 1 (score 0.99)")]


def test_the_table_has_a_line_for_each_clip() -> None:
    made = selection([imagined("a, b.mp4")], [(0, 10.0), (0, 30.0)])
    rows = list(csv.DictReader(table.text(made).splitlines()))
    assert [(row["rank"], row["start"], row["end"], row["peak_frame"]) for row in rows] == [
        ("1", "9", "12", "250"),
        ("2", "29", "32", "750"),
    ]
    assert rows[0]["source_video"].endswith("a, b.mp4")


@pytest.mark.parametrize("written", ["10:00:00:05", None])
def test_a_recording_s_own_timecode(made: Callable[..., Path], tmp_path: Path, written: str | None) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("ffmpeg is not installed")
    path = tmp_path / "camera.mov"
    more = ["-timecode", written] if written else []
    command = [ffmpeg, "-v", "error", "-i", made("h264 in mp4"), "-codec", "copy", *more, path]
    subprocess.run(command, check=True, timeout=100)
    assert start_timecode.of(path) == written


def test_a_file_that_cannot_be_read_has_none(tmp_path: Path) -> None:
    assert start_timecode.of(tmp_path / "gone.mp4") is None
