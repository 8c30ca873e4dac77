"""A selection over real files becomes a folder of results: all of it, or what was there before."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stream_processor.best.publishing import publish, workers
from stream_processor.best.records import Selection
from stream_processor.best.settings import BestClips
from stream_processor.errors import GivenUp
from tests.best.selections import selection, video_of
from tests.clip_reader import play

QUICK = BestClips(preset="ultrafast", workers=2)
ALWAYS = {
    *("chapters.txt", "contact_sheet.jpg", "metadata.json", "scores.png", "scores.svg", "similarity.csv", "similarity.png"),
    *("selection.csv", "selection.edl", "selection.fcpxml", "selection.otio"),
}


@pytest.fixture
def chosen(made: Callable[..., Path]) -> Selection:
    videos = [video_of(made("h264 in mp4")), video_of(made("h264 without sound"))]
    return selection(videos, [(0, 3.0), (1, 5.0), (0, 6.0)], [(1, 2.0, "too like clip 1")])


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_everything_is_there_and_nothing_else(chosen: Selection, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    published = publish(chosen, tmp_path / "best", QUICK, lambda done, total, doing: told.append((done, total)))
    clips = {f"highlights/clip_{rank:03d}.{ending}" for rank in (1, 2, 3) for ending in ("mp4", "jpg", "json")}
    videos = {
        f"{kind}_{name}.{ending}"
        for kind, ending in (("timeline", "csv"), ("chapters", "ffmetadata"))
        for name in ("made-8s", "made-8s.silent")
    }
    assert names(tmp_path / "best") == set(published.files) == ALWAYS | clips | videos
    assert (published.failures, told[-1]) == ([], (4, 4))
    assert told == sorted(told)
    metadata = json.loads((tmp_path / "best" / "metadata.json").read_text(encoding="utf-8"))
    assert [clip["filename"] for clip in metadata["clips"]] == ["clip_001.mp4", "clip_002.mp4", "clip_003.mp4"]
    for rank, first in ((1, 50), (2, 100), (3, 125)):
        told_of = json.loads((tmp_path / "best" / "highlights" / f"clip_{rank:03d}.json").read_text(encoding="utf-8"))
        assert play(tmp_path / "best" / "highlights" / told_of["filename"]).numbers[0] == first
        assert told_of["clip_start_time"] == pytest.approx(first / 25)


def test_one_clip_that_cannot_be_cut_is_said_and_the_others_go_on(chosen: Selection, tmp_path: Path) -> None:
    gone = replace(
        chosen.tables[1],
        table=replace(chosen.tables[1].table, video=replace(chosen.tables[1].table.video, path=tmp_path / "gone.mp4")),
    )
    published = publish(replace(chosen, tables=[chosen.tables[0], gone]), tmp_path / "best", QUICK)
    assert len(published.failures) == 1
    assert "clip 2 was not cut: gone.mp4" in published.failures[0]
    assert [clip["filename"] for clip in published.clips] == ["clip_001.mp4", None, "clip_003.mp4"]
    assert "gone.mp4" in published.clips[1]["clip_reason"]
    assert not list((tmp_path / "best" / "highlights").glob("clip_002*"))
    assert "contact_sheet.jpg" in published.files


@pytest.mark.parametrize("asked", [0, 40, 250])
def test_who_cancels_finds_the_folder_as_it_was(chosen: Selection, tmp_path: Path, asked: int) -> None:
    before = tmp_path / "best"
    before.mkdir()
    (before / "mine.txt").write_text("mine")
    questions = iter(range(10_000))
    with pytest.raises(GivenUp):
        publish(chosen, before, QUICK, cancelled=lambda: next(questions) >= asked)
    assert [path.name for path in before.iterdir()] == ["mine.txt"]


def test_a_file_name_may_hold_any_byte(made: Callable[..., Path], tmp_path: Path) -> None:
    """Control characters, what is no UTF-8, quotes, letters that the font has not."""
    path = Path(os.fsdecode(bytes(tmp_path) + b'/\xff\x1e "$x_1$" & <b>; = # \xe6\x97\xa5.mp4'))
    try:
        shutil.copy(made("h264 in mp4"), path)
    except OSError:
        pytest.skip("this file system has no such names")
    published = publish(selection([video_of(path)], [(0, 3.0)], [(0, 6.0, "too like clip 1")]), tmp_path / "best", QUICK)
    assert published.failures == []
    assert names(tmp_path / "best") >= ALWAYS


def test_a_second_run_with_fewer_clips_leaves_none_of_the_first(chosen: Selection, tmp_path: Path) -> None:
    video = chosen.tables[0].table.video
    publish(selection([video], [(0, 3.0), (0, 6.0)]), tmp_path, QUICK)
    fewer = publish(selection([video], [(0, 3.0)]), tmp_path, QUICK)
    assert names(tmp_path) == set(fewer.files)
    assert sorted(path.name for path in (tmp_path / "highlights").iterdir()) == ["clip_001.jpg", "clip_001.json", "clip_001.mp4"]


@pytest.mark.parametrize(
    ("asked", "clips", "cores", "expected"),
    [(0, 5, 2, (1, 2)), (0, 5, 8, (4, 2)), (0, 1, 8, (1, 8)), (3, 5, 2, (3, 1)), (64, 2, 4, (2, 2)), (0, 0, 1, (1, 1))],
)
def test_workers_and_threads_share_the_cores(asked: int, clips: int, cores: int, expected: tuple[int, int]) -> None:
    assert workers(BestClips(workers=asked), clips, cores) == expected
