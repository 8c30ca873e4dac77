"""A journal of the first version is brought up to date in its place, or read as it is. ``_VERSION_1`` is what it wrote."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from stream_processor.commands.recordings import read_journal
from stream_processor.journal import Journal
from stream_processor.journaling import rows
from stream_processor.journaling.journal_errors import Refused
from stream_processor.journaling.journal_schema import VERSION, statements_from
from stream_processor.journaling.ledger import Ledger
from stream_processor.records import PaneScore, Sum, Window

_VERSION_1 = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, channel TEXT NOT NULL, source TEXT NOT NULL, started_at TEXT NOT NULL, ended_at TEXT,
    settings TEXT NOT NULL, baseline TEXT NOT NULL, signals TEXT NOT NULL);
CREATE TABLE epochs (run_id TEXT NOT NULL, number INTEGER NOT NULL, epoch TEXT NOT NULL, PRIMARY KEY (run_id, number));
CREATE TABLE panes (
    id INTEGER PRIMARY KEY, run_id TEXT NOT NULL, epoch INTEGER NOT NULL, number INTEGER NOT NULL,
    start_seconds REAL NOT NULL, duration_seconds REAL NOT NULL, is_last INTEGER NOT NULL);
CREATE INDEX panes_of_run ON panes (run_id, id);
CREATE TABLE sums (
    pane_id INTEGER NOT NULL, position INTEGER NOT NULL, signal TEXT NOT NULL, total REAL NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (pane_id, position)) WITHOUT ROWID;
CREATE TABLE highlights (
    run_id TEXT NOT NULL, id TEXT NOT NULL, channel TEXT NOT NULL, state TEXT NOT NULL, start_seconds REAL NOT NULL,
    highlight TEXT NOT NULL, clip TEXT, reason TEXT, PRIMARY KEY (run_id, id));
CREATE INDEX highlights_unfinished ON highlights (state) WHERE state <> 'done';
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, channel TEXT NOT NULL, payload TEXT NOT NULL,
    created_at REAL NOT NULL);
CREATE TABLE cursors (sink TEXT PRIMARY KEY, sequence INTEGER NOT NULL);
CREATE TABLE baselines (channel TEXT PRIMARY KEY, windows TEXT NOT NULL);
PRAGMA application_id = 1131178352;
PRAGMA user_version = 1;
"""
_KINDS = {"motion": "farneback", "novelty": "light"}
_OLD_WINDOW = {
    "epoch": 0, "number": 4, "start_seconds": 12.0, "end_seconds": 17.0, "values": {"motion": 0.1, "novelty": 0.2},
    "panes": [12, 17], "is_short": False, "arrived_at": 99.25,
}  # fmt: skip
_WINDOW = Window(0, 4, 12.0, 17.0, {"motion": 0.1, "novelty": 0.2}, (12, 17), arrived_at=99.25)
_PANE = PaneScore(0, 7, 7.0, 1.0, {"motion": Sum(1 / 3, 5)}, is_last=True)


def old_run(database: sqlite3.Connection, run_id: str, channel: str, signals: dict[str, str]) -> None:
    started_at = "2026-11-20T20:15:00+00:00"
    values = (run_id, channel, "demo", started_at, started_at, "{}", json.dumps([_OLD_WINDOW]), json.dumps(signals))
    database.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two channels of version 1: steady had one kind of novelty in both its runs, mixed had two."""
    file = tmp_path / "journal.sqlite3"
    with closing(sqlite3.connect(file)) as database, database:
        database.executescript(_VERSION_1)
        old_run(database, "1", "steady", _KINDS)
        old_run(database, "2", "mixed", {**_KINDS, "novelty": "clip"})
        old_run(database, "3", "mixed", _KINDS)
        old_run(database, "4", "steady", _KINDS)
        database.execute("INSERT INTO panes VALUES (NULL, '4', 0, 7, 7.0, 1.0, 1)")
        database.execute("INSERT INTO sums VALUES (1, 0, 'motion', ?, 5)", (1 / 3,))
        for channel in ("steady", "mixed"):
            database.execute("INSERT INTO baselines VALUES (?, ?)", (channel, json.dumps([_OLD_WINDOW])))
        database.execute("INSERT INTO events VALUES (NULL, 'new', 'steady', '{}', 0.0)")
        database.execute("INSERT INTO cursors VALUES ('jsonl', 0)")
    return file


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("PRAGMA user_version").fetchone()[0])


def tables(path: Path) -> dict[str, list[str]]:
    """Table -> its columns, in order, with type and constraint."""
    with closing(sqlite3.connect(path)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        return {name: [str(column[1:4]) for column in database.execute(f"PRAGMA table_info({name})")] for name in names}


async def test_an_older_journal_is_brought_up_to_date_and_has_lost_nothing(path: Path) -> None:
    async with Journal.open(path) as journal:
        assert journal.set_aside is None
        assert [run.id for run in (await journal.run("1"), await journal.run("4")) if run is not None] == ["1", "4"]
        assert [event.type for event in await journal.events_after(0)] == ["new"]
        assert await journal.cursor("jsonl") == 0
        assert await journal.held("jsonl") == {}
        fallen = PaneScore(0, 8, 8.0, 1.0, {}, fallen={"novelty": "light"})
        await journal.add_pane("4", fallen)
    assert version(path) == VERSION
    with closing(Ledger(path)) as ledger:
        assert list(ledger.panes("4")) == [_PANE, fallen]


async def test_its_tables_are_then_those_of_a_new_one(path: Path, tmp_path: Path) -> None:
    async with Journal.open(path), Journal.open(tmp_path / "new" / "journal.sqlite3"):
        pass
    assert tables(path) == tables(tmp_path / "new" / "journal.sqlite3")


async def test_an_older_baseline_is_used_where_all_runs_of_the_channel_measured_alike(path: Path) -> None:
    async with Journal.open(path) as journal:
        assert await journal.baseline("steady", _KINDS) == (_WINDOW,)
        assert await journal.baseline("mixed", _KINDS) == ()


def test_an_older_journal_can_be_read_and_stays_as_it_is(path: Path) -> None:
    before = path.read_bytes()
    recorded = read_journal(path, None)
    assert recorded.run.id == "4"
    assert recorded.run.baseline == (_WINDOW,)
    assert list(recorded.panes) == [_PANE]
    assert path.read_bytes() == before
    assert version(path) == 1


def test_what_breaks_off_leaves_the_older_one_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_a_full_disk(version: int) -> list[str]:
        return [*statements_from(version), "PRAGMA max_page_count = 1", f"CREATE TABLE too_much AS SELECT randomblob({10**6})"]

    before = tables(path)
    monkeypatch.setattr("stream_processor.journaling.ledger.statements_from", with_a_full_disk)
    with pytest.raises(Refused, match="full"):
        Ledger(path)
    assert (version(path), tables(path)) == (1, before)
    monkeypatch.undo()
    with closing(Ledger(path)) as ledger:
        assert list(ledger.panes("4")) == [_PANE]
    assert version(path) == VERSION


def test_windows_of_the_first_version_restart_nothing() -> None:
    assert rows.load_windows(json.dumps([_OLD_WINDOW])) == (_WINDOW,)
