"""What can still be read of a damaged journal, for the new one: alerts on their way, cursors, unfinished highlights, baselines.

Panes stay behind, in the file that was set aside: they are many, and only replay wants them. Each table is read from its
beginning up to where it is broken, and from its end back to there; rows that make no sense are left out.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from stream_processor.journaling import rows
from stream_processor.journaling.ledger import Ledger
from stream_processor.records import ALERTS

Row = tuple[Any, ...]


def _run(row: Row) -> None:
    datetime.fromisoformat(row[3])
    json.loads(row[5]), rows.load_windows(row[6]), json.loads(row[7])


def _epoch(row: Row) -> None:
    rows.load_epoch(row[2])


def _highlight(row: Row) -> None:
    highlight = rows.load_highlight(row[5])
    rows.load_clip(row[6])
    rows.load_draft(row[8] if len(row) > 8 else None, highlight)
    _expect(row[3] in ("open", "closing", "done"))


def _event(row: Row) -> None:
    sequence, type_, _, payload, created_at = row
    _expect(isinstance(sequence, int) and sequence > 0 and type_ in ALERTS and created_at >= 0)
    json.loads(payload)


def _sequence(row: Row) -> None:
    _expect(isinstance(row[-1], int) and row[-1] >= 0)


def _baseline(row: Row) -> None:
    rows.load_windows(row[1])
    json.loads(row[2])


def _expect(holds: bool) -> None:
    if not holds:
        raise ValueError("out of range")


_TABLES: dict[str, Callable[[Row], None]] = {
    "runs": _run,
    "epochs": _epoch,
    "highlights": _highlight,
    "events": _event,
    "cursors": _sequence,
    "held": _sequence,
    "baselines": _baseline,
}
"""What raises where a row makes no sense: ValueError, KeyError, TypeError, AttributeError or IndexError."""


def salvage(damaged: Path, ledger: Ledger) -> int:
    """Copy into ``ledger``, within a transaction of the caller's. How many rows it were; never an error of the damaged file's."""
    saved = 0
    highest = 0
    for table, check in _TABLES.items():
        for row in _rows(damaged, table):
            try:
                check(row)
            except (ValueError, KeyError, TypeError, AttributeError, IndexError):
                continue
            if not ledger.put_row(table, row):
                continue  # known already, or of an older version with other columns
            saved += 1
            highest = max(highest, {"events": row[0], "cursors": row[-1], "held": row[-1]}.get(table, 0))
    ledger.begin_sequence(highest)  # a number is never used again: no sink may take a new alert for one that it has
    return saved


def _rows(damaged: Path, table: str) -> Iterator[Row]:
    """The rows that can be read, some of them perhaps twice."""
    for options in ("mode=ro", "mode=ro&immutable=1"):  # the second without what was not written back yet: better than nothing
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"{damaged.absolute().as_uri()}?{options}", uri=True)) as db:
            db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall()  # noqa: S608 # own text
            for direction in ("ASC", "DESC"):
                found = db.execute(f"SELECT * FROM {table} ORDER BY rowid {direction}")  # noqa: S608 # own text
                try:
                    yield from found
                except sqlite3.Error:
                    continue  # broken here: now from the other end
                return
            return
