"""The journal's tables, and how those of an older version become today's."""

import sqlite3
from contextlib import closing
from functools import cache

VERSION = 4
APPLICATION_ID = 0x436C6970  # "Clip": tells our files from other people's databases
_TABLES = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, channel TEXT NOT NULL, source TEXT NOT NULL, started_at TEXT NOT NULL, ended_at TEXT,
    settings TEXT NOT NULL, baseline TEXT NOT NULL, signals TEXT NOT NULL);
CREATE TABLE epochs (run_id TEXT NOT NULL, number INTEGER NOT NULL, epoch TEXT NOT NULL, PRIMARY KEY (run_id, number));
CREATE TABLE panes (
    id INTEGER PRIMARY KEY, run_id TEXT NOT NULL, epoch INTEGER NOT NULL, number INTEGER NOT NULL,
    start_seconds REAL NOT NULL, duration_seconds REAL NOT NULL, is_last INTEGER NOT NULL, fallen TEXT);
CREATE INDEX panes_of_run ON panes (run_id, id);
CREATE TABLE sums (
    pane_id INTEGER NOT NULL, position INTEGER NOT NULL, signal TEXT NOT NULL, total REAL NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (pane_id, position)) WITHOUT ROWID;
CREATE TABLE highlights (
    run_id TEXT NOT NULL, id TEXT NOT NULL, channel TEXT NOT NULL, state TEXT NOT NULL, start_seconds REAL NOT NULL,
    highlight TEXT NOT NULL, clip TEXT, reason TEXT, draft TEXT, PRIMARY KEY (run_id, id));
CREATE INDEX highlights_unfinished ON highlights (state) WHERE state <> 'done';
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, channel TEXT NOT NULL, payload TEXT NOT NULL,
    created_at REAL NOT NULL);
CREATE TABLE cursors (sink TEXT PRIMARY KEY, sequence INTEGER NOT NULL);
CREATE TABLE held (sink TEXT NOT NULL, channel TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (sink, channel));
CREATE TABLE baselines (channel TEXT PRIMARY KEY, windows TEXT NOT NULL, kinds TEXT NOT NULL);
"""

_FROM_1_TO_2 = """
ALTER TABLE panes ADD COLUMN fallen TEXT;
ALTER TABLE baselines ADD COLUMN kinds TEXT NOT NULL DEFAULT '{}';
UPDATE baselines SET kinds = (
    SELECT CASE count(DISTINCT signals) WHEN 1 THEN min(signals) ELSE '{}' END FROM runs WHERE runs.channel = baselines.channel);
"""
"""``panes.fallen``: as JSON, signal -> the kind that measures it from this pane on; mostly NULL. A baseline's kinds are those
of its channel's runs; where these differed nobody knows which it was, and it is not used."""

_FROM_2_TO_3 = """
CREATE TABLE held (sink TEXT NOT NULL, channel TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (sink, channel));
"""
"""``held``: up to where a sink has everything of a channel whose alerts it refuses, while its cursor goes on for the others."""

_FROM_3_TO_4 = """
ALTER TABLE highlights ADD COLUMN draft TEXT;
"""
"""``highlights.draft``: as JSON, where finishing made its clip begin and end, whether it is kept, and why; NULL before."""

_STEPS = {1: _FROM_1_TO_2, 2: _FROM_2_TO_3, 3: _FROM_3_TO_4}


def statements_from(version: int) -> list[str]:
    """What brings a database of that version to the present one, all in one transaction; 0: one that is still empty."""
    made = [_TABLES, f"PRAGMA application_id = {APPLICATION_ID}"]
    scripts = [_STEPS[step] for step in range(version, VERSION)] if version else made
    return [
        statement
        for script in [*scripts, f"PRAGMA user_version = {VERSION}"]
        for statement in script.split(";")
        if statement.strip()
    ]


@cache
def columns() -> dict[str, tuple[str, ...]]:
    """Table -> its columns, in order, in the present version."""
    with closing(sqlite3.connect(":memory:")) as empty:
        for statement in statements_from(0):
            empty.execute(statement)
        names = [
            name for (name,) in empty.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        ]
        return {name: tuple(column for _, column, *_ in empty.execute(f"PRAGMA table_info({name})")) for name in names}
