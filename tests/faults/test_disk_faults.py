"""The disk under the real program fills up, turns read-only or loses the output folder, and comes back: nothing is lost.

Small real file systems and mounts need root, and are skipped without.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.clip_reader import play
from tests.faults.watched import Watched, in_pieces, watched
from tests.program import files, sidecars

LIVELY = [(4.0, 5.0), (14.0, 15.0), (24.0, 25.0), (34.0, 35.0), (44.0, 45.0)]
PIECE_SECONDS = 6


@pytest.fixture
def pieces(made: Callable[..., Path]) -> list[bytes]:
    return in_pieces(made("h264 in ts", seconds=48), PIECE_SECONDS)


def mount(*arguments: str | Path) -> None:
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting needs root")
    if subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """24 MB, mounted where the program writes."""
    disk = tmp_path / "out"
    disk.mkdir()
    mount("-t", "tmpfs", "-o", "size=24m", "none", disk)
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path, *, leave_bytes: int = 0) -> Path:
    """A file that takes all the room but so much."""
    filler = disk / "filler"
    size = max(0, shutil.disk_usage(disk).free - leave_bytes)
    with filler.open("wb", buffering=0) as file:
        try:
            while size > 0:
                size -= file.write(bytes(min(size, 65536)))
        except OSError:
            pass
    return filler


def assert_that_all_is_there(program: Watched, highlights: int = 5) -> None:
    """Each highlight has its alerts in order, a clip that plays, a picture and a sidecar; nothing else remains."""
    ended = program.ended()
    assert len(ended) == highlights
    told = program.alerts()
    assert [alert["sequence"] for alert in told] == list(range(1, len(told) + 1))
    assert sorted(sidecar["id"] for sidecar in sidecars(program.channel)) == sorted(highlight["id"] for highlight in ended)
    for highlight in ended:
        assert highlight["clip_reason"] is None
        assert play(program.channel / highlight["filename"]).first_is_key
        assert (program.channel / highlight["picture"]).exists()
    assert files(program.channel / ".spool") == []
    assert not list(program.channel.glob(".*.part"))


def test_on_a_disk_that_fills_up_all_waits_and_all_is_written_once_there_is_room(
    pieces: list[bytes], small_disk: Path, tmp_path: Path
) -> None:
    r"""
    room      ─────┐ none     ┌ 6 MB            ┌─ plenty
    journal        └ waits ───┘ goes on
    clips          └ wait ─── min_free_mb = 10 ─┘ are written
    """
    with watched(tmp_path, LIVELY, output={"min_free_mb": 10.0}) as program:
        program.feed(*pieces[:4])
        program.tells("end", 1)
        filler = fill(small_disk)
        program.feed(*pieces[4:6])
        program.says("the journal cannot be written: waiting for the disk")
        assert program.process.poll() is None
        with filler.open("r+b") as file:
            file.truncate(filler.stat().st_size - 6_000_000)
        program.says("the journal can be written again: nothing was lost")
        program.tells("new", 3)
        program.says("a clip cannot be written yet: its packets are kept")
        program.says("output.min_free_mb")
        filler.unlink()
        program.feed(*pieces[6:])
        said = program.end()
        assert_that_all_is_there(program)
        assert said.count("waiting for the disk") == 1, said
        assert "the clip is written, though the disk refused it before" in said


def test_a_folder_that_turns_read_only_and_back_costs_nothing(pieces: list[bytes], tmp_path: Path) -> None:
    with watched(tmp_path, LIVELY) as program:
        program.feed(*pieces[:4])
        program.tells("end", 1)
        mount("--bind", program.output, program.output)
        try:
            mount("-o", "remount,ro,bind", program.output)
            program.feed(*pieces[4:6])
            program.says("a clip cannot be written yet: its packets are kept")
            program.says("a channel's alerts wait")
            assert "Read-only file system" in program.said
        finally:
            subprocess.run(["umount", "--lazy", str(program.output)], check=True)
        program.says("a channel's alerts go on")
        program.feed(*pieces[6:])
        program.end()
        assert_that_all_is_there(program)


def test_an_output_folder_that_is_taken_away_is_made_anew_and_the_journal_has_everything(
    pieces: list[bytes], tmp_path: Path
) -> None:
    with watched(tmp_path, LIVELY) as program:
        program.feed(*pieces[:4])
        program.tells("end", 1)
        before = [alert["highlight"]["id"] for alert in program.alerts()]
        shutil.rmtree(program.output)
        program.feed(*pieces[4:])
        said = program.end()
        assert "it is made anew where it was, nothing was lost" in said
        later = [highlight for highlight in program.ended() if highlight["id"] not in before]
        assert len(later) >= 3
        for highlight in later:
            assert play(program.channel / highlight["filename"]).first_is_key
        with closing(sqlite3.connect(program.output / "journal.sqlite3")) as journal:
            assert journal.execute("SELECT state, count(*) FROM highlights GROUP BY state").fetchall() == [("done", 5)]
            assert journal.execute("SELECT count(DISTINCT type || json_extract(payload, '$.id')) FROM events").fetchone() >= (10,)
