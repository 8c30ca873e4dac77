"""Real folders. What is ours and whole can go; everything else stays as it is."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream_processor.operations.shelf import Shelf

STEM = "20261120T201500Z-67abc-0-4"
ID = "67abc-0-4"


def put(folder: Path, stem: str = STEM, **told: Any) -> Path:
    """A clip of 300 bytes, a picture of 20 and their sidecar."""
    folder.mkdir(exist_ok=True)
    (folder / f"{stem}.mp4").write_bytes(b"v" * 300)
    (folder / f"{stem}.jpg").write_bytes(b"p" * 20)
    sidecar = folder / f"{stem}.json"
    known = {"schema": 1, "id": stem.partition("-")[2], "filename": f"{stem}.mp4", "picture": f"{stem}.jpg", "score": 2.5}
    sidecar.write_text(json.dumps({**known, **told}))
    return sidecar


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_clip_is_found_with_all_that_goes_with_it(tmp_path: Path) -> None:
    sidecar = put(tmp_path / "one")
    os.utime(sidecar, (5000.0, 4000.0))
    (clip,) = Shelf(tmp_path).clips()
    assert (clip.id, clip.score, clip.written_at) == (ID, 2.5, 4000.0)
    assert clip.size_bytes == 320 + sidecar.stat().st_size
    assert {path.name for path in clip.others} == {f"{STEM}.mp4", f"{STEM}.jpg"}


def test_it_goes_as_a_whole_and_nothing_else_does(tmp_path: Path) -> None:
    put(tmp_path / "one")
    put(tmp_path / "one", "20261120T201600Z-67abc-0-9")
    (tmp_path / "one" / "alerts.jsonl").write_text("{}\n")
    shelf = Shelf(tmp_path)
    shelf.remove(next(clip for clip in shelf.clips() if clip.id == ID))
    assert names(tmp_path / "one") == {"alerts.jsonl", *(f"20261120T201600Z-67abc-0-9.{end}" for end in ("mp4", "jpg", "json"))}


@pytest.mark.parametrize("kills_before", [1, 2, 3], ids=["the clip", "the picture", "the rest of the sidecar"])
def test_a_removal_that_breaks_off_leaves_no_sidecar_and_is_finished_with_the_next_look(
    kills_before: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "one")
    shelf, unlink, removed = Shelf(tmp_path), Path.unlink, []

    def killed(path: Path, missing_ok: bool = False) -> None:
        removed.append(path)
        if len(removed) == kills_before:
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    (clip,) = shelf.clips()
    monkeypatch.setattr(Path, "unlink", killed)
    with pytest.raises(KeyboardInterrupt):
        shelf.remove(clip)
    assert f"{STEM}.json" not in names(tmp_path / "one")
    monkeypatch.undo()
    assert Shelf(tmp_path).clips() == []
    assert names(tmp_path / "one") == set()


@pytest.mark.parametrize(
    "told",
    [
        {"id": "another"},
        {"filename": "../../precious.mp4"},
        {"filename": "precious.mp4"},
        {"filename": f"{STEM}.json"},
        {"filename": f"{STEM}.mp4\n"},
        {"filename": None},
        {"filename": ["x"]},
        {"picture": "precious.jpg"},
        {"picture": 5},
    ],
    ids=str,
)
def test_a_sidecar_that_describes_other_files_is_none_of_ours(told: dict[str, Any], tmp_path: Path) -> None:
    put(tmp_path / "one", **told)
    assert Shelf(tmp_path).clips() == []


@pytest.mark.parametrize("name", ["settings.json", "20261120-x.json", ".hidden.json", f"{STEM}.json.bak"])
def test_a_json_of_somebody_else_is_left_alone(name: str, tmp_path: Path) -> None:
    sidecar = put(tmp_path / "one")
    sidecar.rename(sidecar.with_name(name))
    assert Shelf(tmp_path).clips() == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.binary(max_size=300) | st.just(b"[" * 200_000) | st.just(b"1" * 10_000))
def test_no_bytes_in_a_sidecar_s_place_break_the_look(data: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir(exist_ok=True)
    (folder / f"{STEM}.json").write_bytes(data)
    (folder / f".{STEM}.json.gone").write_bytes(data)
    assert Shelf(tmp_path).clips() == []
    assert names(folder) == {f"{STEM}.json", f".{STEM}.json.gone"}


def test_links_are_never_followed(tmp_path: Path) -> None:
    outside, output = tmp_path / "outside", tmp_path / "output"
    output.mkdir()
    put(outside)
    (output / "linked").symlink_to(outside, target_is_directory=True)
    (output / "one").mkdir()
    (output / "one" / f"{STEM}.json").symlink_to(outside / f"{STEM}.json")
    assert Shelf(output).clips() == []


def test_a_clip_that_is_a_link_loses_its_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    output, elsewhere = tmp_path / "output", tmp_path / "elsewhere.mp4"
    output.mkdir()
    put(output / "one")
    (output / "one" / f"{STEM}.mp4").replace(elsewhere)
    (output / "one" / f"{STEM}.mp4").symlink_to(elsewhere)
    shelf = Shelf(output)
    shelf.remove(shelf.clips()[0])
    assert elsewhere.read_bytes() == b"v" * 300


def test_looking_again_reads_only_what_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        put(tmp_path / "one", f"20261120T201500Z-67abc-0-{number}")
    shelf, reads, read = Shelf(tmp_path), [], Path.read_bytes

    def counted(path: Path) -> bytes:
        reads.append(path)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    assert len(shelf.clips()) == len(reads) == 20
    changed = put(tmp_path / "one", "20261120T201500Z-67abc-0-7", score=9.75)
    os.utime(changed, (1.0, 1.0))
    assert {clip.score for clip in shelf.clips()} == {2.5, 9.75}
    assert len(reads) == 21
    shelf.remove(shelf.clips()[0])
    shelf.clips()
    assert len(shelf._known) == 19


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    put(tmp_path / "one")
    put(tmp_path / "two")
    (tmp_path / "one").chmod(0)
    try:
        shelf = Shelf(tmp_path)
        assert len(shelf.clips()) == 1
        assert shelf.troubles == ["one: Permission denied"]
    finally:
        (tmp_path / "one").chmod(0o700)


def test_a_score_that_is_no_number_counts_as_the_lowest(tmp_path: Path) -> None:
    for number, score in enumerate((None, "9", True, float("nan"))):
        put(tmp_path / "one", f"20261120T201500Z-67abc-0-{number}", score=score)
    assert {clip.score for clip in Shelf(tmp_path).clips()} == {float("-inf")}
