"""Room on the disk, and the journal's size."""

import threading
from pathlib import Path

import pytest

from stream_processor.operations.room import Room


def test_the_disk_is_looked_at_beside_everything_else(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite3"
    journal.write_bytes(b"x" * 1000)
    journal.with_name("journal.sqlite3-wal").write_bytes(b"x" * 24)
    room = Room(tmp_path, journal)
    assert (room.free_bytes, room.journal_bytes) == (None, None)
    room.look()
    room.join(60)
    assert room.free_bytes is not None
    assert room.free_bytes > 0
    assert room.journal_bytes == 1024


def test_a_disk_that_does_not_answer_holds_one_thread_and_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(tmp_path, tmp_path / "journal.sqlite3")
    room.look()
    room.join(60)
    known, answers, asked = room.free_bytes, threading.Event(), list[Path]()

    def hanging(folder: Path) -> object:
        asked.append(folder)
        assert answers.wait(60)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("stream_processor.operations.room.shutil.disk_usage", hanging)
    for _ in range(20):
        room.look()
    room.join(0.01)
    assert (len(asked), room.free_bytes) == (1, known)
    answers.set()
    room.join(60)
    assert room.free_bytes is None


def test_a_folder_that_is_gone_is_not_known(tmp_path: Path) -> None:
    room = Room(tmp_path / "gone", tmp_path / "gone" / "journal.sqlite3")
    room.look()
    room.join(60)
    assert (room.free_bytes, room.journal_bytes) == (None, None)
