"""Who may be overwritten: what an earlier run wrote and nobody changed since, and nothing else.

run 1   metadata.json, scores.png, highlights/clip_001.mp4, highlights/clip_002.mp4
run 2   metadata.json, scores.png, highlights/clip_001.mp4                            clip 2 goes
"""

import json
from pathlib import Path

import pytest

from stream_processor.best.output_folder import check_folder, hashes, move_in, staging
from stream_processor.errors import ClipWriteError, SettingsError


def run(folder: Path, files: dict[str, str]) -> None:
    with staging(folder) as stage:
        for name, text in files.items():
            (stage / name).parent.mkdir(parents=True, exist_ok=True)
            (stage / name).write_text(text)
        found = hashes(stage)
        (stage / "metadata.json").write_text(json.dumps({"files": found}))
        move_in(stage, folder, found)


def content(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "metadata.json")
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


FIRST = {"scores.png": "1", "highlights/clip_001.mp4": "1", "highlights/clip_002.mp4": "1"}
SECOND = {"scores.png": "2", "highlights/clip_001.mp4": "2"}


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    run(tmp_path, FIRST)
    check_folder(tmp_path)
    run(tmp_path, SECOND)
    assert content(tmp_path) == SECOND
    check_folder(tmp_path)


def test_what_others_put_there_stays(tmp_path: Path) -> None:
    run(tmp_path, FIRST)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "highlights" / "holiday.mp4").write_text("mine")
    check_folder(tmp_path)
    run(tmp_path, SECOND)
    assert content(tmp_path) == {**SECOND, "notes.txt": "mine", "highlights/holiday.mp4": "mine"}


@pytest.mark.parametrize("name", ["highlights/clip_001.mp4", "scores.png", "timeline_a.csv", "highlights/clip_1234.jpg"])
def test_a_foreign_file_of_our_name_is_in_the_way(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(SettingsError, match="move it away, or give another --output"):
        check_folder(tmp_path)
    with pytest.raises(ClipWriteError, match="move it away"):
        run(tmp_path, {name: "ours"})
    assert content(tmp_path) == {name: "mine"}


def test_a_clip_that_somebody_edited_is_his(tmp_path: Path) -> None:
    run(tmp_path, FIRST)
    (tmp_path / "highlights" / "clip_001.mp4").write_text("with my own titles")
    with pytest.raises(SettingsError, match=r"clip_001\.mp4 is not, or no longer"):
        check_folder(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 3}', '{"files": {"scores.png": 3}}', "[" * 100_000])
def test_a_metadata_file_that_makes_no_sense_gives_no_right_to_anything(tmp_path: Path, text: str) -> None:
    (tmp_path / "metadata.json").write_text(text)
    (tmp_path / "scores.png").write_text("mine")
    with pytest.raises(SettingsError):
        check_folder(tmp_path)


def test_nor_to_files_elsewhere(tmp_path: Path) -> None:
    import hashlib

    folder, outside = tmp_path / "best", tmp_path / "precious.mp4"
    folder.mkdir()
    outside.write_text("mine")
    sha256 = hashlib.sha256(b"mine").hexdigest()
    names = ["../precious.mp4", str(outside), "highlights/../../precious.mp4", "precious.mp4"]
    (folder / "metadata.json").write_text(json.dumps({"files": dict.fromkeys(names, sha256)}))
    run(folder, SECOND)
    assert outside.read_text() == "mine"


def test_a_run_that_breaks_off_leaves_the_earlier_results(tmp_path: Path) -> None:
    run(tmp_path, FIRST)

    def breaks_off() -> None:
        with staging(tmp_path) as stage:
            (stage / "scores.png").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        breaks_off()
    assert content(tmp_path) == FIRST


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_killed_while_moving_the_next_run_still_knows_what_is_ours(tmp_path: Path, moved: int) -> None:
    """The names of both runs stand in metadata.json before the first file is moved."""
    run(tmp_path, FIRST)
    with staging(tmp_path) as stage:
        (stage / "highlights").mkdir()
        for name, text in SECOND.items():
            (stage / name).write_text(text)
        found = hashes(stage)
        if moved == 2:
            (stage / "highlights" / "clip_001.mp4").unlink()  # what stops it
            (stage / "highlights" / "clip_001.mp4").mkdir()
        elif moved == 1:
            (stage / "scores.png").unlink()
        with pytest.raises(ClipWriteError):  # moved == 0: no metadata.json at the end
            move_in(stage, tmp_path, found)
    check_folder(tmp_path)
    run(tmp_path, SECOND)
    assert content(tmp_path) == SECOND


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "best").write_text("")
    with pytest.raises(SettingsError, match="there is a file of that name"):
        check_folder(tmp_path / "best")


def test_folders_that_a_killed_run_forgot_go_when_they_are_old(tmp_path: Path) -> None:
    import os

    for name, age in ((".best-old.part", 1e6), (".best-new.part", 10), ("mine.part", 1e6)):
        (tmp_path / name).mkdir()
        now = (tmp_path / name).stat().st_mtime
        os.utime(tmp_path / name, (now - age, now - age))
    with staging(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".best-new.part", "mine.part"]
