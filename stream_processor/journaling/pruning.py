"""What of the journal has grown old, and goes: a little in each transaction, so that nobody waits long for the next one.

A pane's age is that of its run, less its place in it. What stays whatever its age: highlights that are not finished, with their
epochs and their run; alerts, which the outbox expires; the last run of a channel that has not ended; the baselines of channels
that have runs.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

AT_ONCE = 500
"""Rows with what belongs to them that go in one transaction."""
_PAGES = 64
"""Freed pages that are given back to the disk with them, in a journal that can."""
_LONGEST_HIGHLIGHT_SECONDS = 3600.0
_NO_CLOCK_BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
"""A machine without a clock of its own begins in 1970. Such a run counts as begun when the next one did."""


@dataclass(frozen=True, slots=True)
class Pruned:
    panes: int = 0
    highlights: int = 0
    epochs: int = 0
    runs: int = 0
    baselines: int = 0

    def __add__(self, other: "Pruned") -> "Pruned":
        return Pruned(
            self.panes + other.panes,
            self.highlights + other.highlights,
            self.epochs + other.epochs,
            self.runs + other.runs,
            self.baselines + other.baselines,
        )


def prune(db: sqlite3.Connection, before: datetime, most: int = AT_ONCE) -> Pruned:
    """Forget about ``most`` rows older than ``before``: again until nothing went. Within a transaction of the caller's."""
    gone = _prune(db, before, most)
    if gone != Pruned():
        _give_back(db)
    return gone


def _give_back(db: sqlite3.Connection) -> None:
    """Does nothing where the file was not made for it: there, what comes uses the freed pages again."""
    (free,) = db.execute("PRAGMA freelist_count").fetchone()
    for _ in range(min(free, _PAGES)):
        db.execute("PRAGMA incremental_vacuum(1)")  # Python asks SQLite only once, and once is a page


def _prune(db: sqlite3.Connection, before: datetime, most: int) -> Pruned:
    for run_id, old_seconds in _old_runs(db, before):
        if panes := _prune_panes(db, run_id, old_seconds, most):
            return Pruned(panes=panes)
        if highlights := _prune_highlights(db, run_id, old_seconds, most):
            return Pruned(highlights=highlights)
        if epochs := _prune_epochs(db, run_id):
            return Pruned(epochs=epochs)
        if _prune_run(db, run_id, before):
            return Pruned(runs=1)
    return Pruned(baselines=db.execute("DELETE FROM baselines WHERE channel NOT IN (SELECT channel FROM runs)").rowcount)


def _old_runs(db: sqlite3.Connection, before: datetime) -> Iterator[tuple[str, float]]:
    """Each run that began before, oldest first, and how many seconds of its stream are that old."""
    found = db.execute("SELECT id, started_at FROM runs ORDER BY rowid").fetchall()
    runs = [(run_id, datetime.fromisoformat(started_at)) for run_id, started_at in found]
    old = []
    next_began: datetime | None = None
    for run_id, started_at in reversed(runs):
        began = started_at if started_at >= _NO_CLOCK_BEFORE else next_began
        if began is not None and began < before:
            old.append((run_id, (before - began).total_seconds()))
        next_began = began
    yield from reversed(old)


def _prune_panes(db: sqlite3.Connection, run_id: str, old_seconds: float, most: int) -> int:
    """Panes lie in the order of their times: none is looked at that stays."""
    first = "SELECT id, start_seconds + duration_seconds AS end FROM panes WHERE run_id = ? ORDER BY id LIMIT ?"
    old = db.execute(f"SELECT id FROM ({first}) WHERE end <= ?", (run_id, most, old_seconds)).fetchall()  # noqa: S608 # own text
    db.executemany("DELETE FROM sums WHERE pane_id = ?", old)
    db.executemany("DELETE FROM panes WHERE id = ?", old)
    return len(old)


def _prune_highlights(db: sqlite3.Connection, run_id: str, old_seconds: float, most: int) -> int:
    old = "SELECT rowid FROM highlights WHERE run_id = ? AND state = 'done' AND start_seconds <= ? ORDER BY start_seconds LIMIT ?"
    values = (run_id, old_seconds - _LONGEST_HIGHLIGHT_SECONDS, most)
    return db.execute(f"DELETE FROM highlights WHERE rowid IN ({old})", values).rowcount  # noqa: S608 # own text


def _prune_epochs(db: sqlite3.Connection, run_id: str) -> int:
    """Those before the one that the oldest pane belongs to; without panes, all but the last."""
    unfinished = db.execute("SELECT highlight FROM highlights WHERE run_id = ? AND state <> 'done'", (run_id,))
    needed = [json.loads(text)["epoch"] for (text,) in unfinished]
    of_oldest_pane = "SELECT epoch FROM panes WHERE run_id = ?1 ORDER BY id LIMIT 1"
    last = "SELECT max(number) FROM epochs WHERE run_id = ?1"
    (first,) = db.execute(f"SELECT coalesce(({of_oldest_pane}), ({last}), 0)", (run_id,)).fetchone()
    first = min([first, *needed])
    return db.execute("DELETE FROM epochs WHERE run_id = ? AND number < ?", (run_id, first)).rowcount


def _prune_run(db: sqlite3.Connection, run_id: str, before: datetime) -> bool:
    """A run of which nothing is left goes, once it has ended so long ago; one that was killed, once its channel had another."""
    for table in ("panes", "highlights"):
        if db.execute(f"SELECT 1 FROM {table} WHERE run_id = ? LIMIT 1", (run_id,)).fetchone():  # noqa: S608 # own text
            return False
    ended_at, later = db.execute(
        "SELECT ended_at, EXISTS(SELECT 1 FROM runs AS later WHERE later.channel = runs.channel AND later.rowid > runs.rowid)"
        " FROM runs WHERE id = ?",
        (run_id,),
    ).fetchone()
    if not later and (ended_at is None or datetime.fromisoformat(ended_at) >= before):
        return False
    db.execute("DELETE FROM epochs WHERE run_id = ?", (run_id,))
    db.execute("DELETE FROM runs WHERE id = ?", (run_id,))
    return True
