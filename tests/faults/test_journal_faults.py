"""Two programs on one folder, a lock that a killed one left behind, a journal that is damaged while nobody looks."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.watched import watched
from tests.program import LIGHT, run

PAGE = 4096
LIVELY = [(4.0, 5.0), (14.0, 15.0)]


@pytest.fixture
def stream(made: Callable[..., Path]) -> bytes:
    return made("h264 in ts", seconds=48).read_bytes()


def test_a_second_program_is_refused_and_harms_nobody_and_a_killed_one_leaves_no_lock_and_a_damaged_journal_stops_no_start(
    stream: bytes, made: Callable[..., Path], tmp_path: Path
) -> None:
    with watched(tmp_path, LIVELY) as first:
        first.feed(stream[: len(stream) // 2])
        first.tells("new", 1)
        second = run("--stream", made("h264 in mp4"), "--output", first.output, *LIGHT)
        assert second.code == 1
        assert len([line for line in second.err.splitlines() if line.startswith("error: ")]) == 1
        assert "another process is writing its clips here: give this one a folder of its own (--output)" in second.err
        first.feed(stream[len(stream) // 2 :])
        first.tells("end", 2)  # unharmed; then it is killed
    damage(first.output / "journal.sqlite3")
    with watched(tmp_path, LIVELY) as third:
        third.feed(stream)
        said = third.end()
    assert said.count("the journal is damaged: it is set aside, a new one begins") == 1, said
    assert len({highlight["id"] for highlight in third.ended()}) == 4, "two of each"
    assert len(list(first.output.glob("journal.sqlite3.corrupt-*"))) >= 1


def damage(journal: Path) -> None:
    """Zeros over two pages in its middle."""
    with closing(sqlite3.connect(journal)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    data = bytearray(journal.read_bytes())
    data[PAGE : 3 * PAGE] = bytes(2 * PAGE)
    journal.write_bytes(data)
