"""The journal's tables in SQLite and every statement on them: plain, blocking, one thread. ``journal`` puts it into asyncio.

WAL, so that ``main replay`` may read while a run writes; synchronous=FULL, so that an alert told to the world is never
forgotten by a power cut. Panes come once a second, which makes that one sync a second.
"""

import itertools
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from stream_processor.errors import JournalError
from stream_processor.journaling import rows
from stream_processor.journaling.alert_tables import AlertTables
from stream_processor.journaling.journal_errors import Corrupt, explained
from stream_processor.journaling.journal_schema import APPLICATION_ID, VERSION, columns, statements_from
from stream_processor.journaling.pruning import Pruned, prune
from stream_processor.journaling.rows import Run, SavedHighlight, State
from stream_processor.records import Epoch, PaneScore, Sum, Window

_WAL_BYTES = 8_000_000
_BUSY_MILLISECONDS = 500
"""How long a statement waits for another program's lock, and everybody else in the thread with it. Then it is asked again."""
_MANY_ROWS = ("panes", "sums")


class Ledger(AlertTables):
    """An open journal file. Methods that write belong inside ``with ledger.transaction()``."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """JournalError: not readable, not ours, or of a newer version. Corrupt: no database at all, or damaged."""
        self._path = path
        with explained(path):
            mode = "ro" if read_only else "rwc"
            self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None)
        try:
            with explained(path):
                self._prepare(read_only)
        except JournalError:
            self._db.close()
            raise

    def _prepare(self, read_only: bool) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if (tables or read_only) and application != APPLICATION_ID:
            raise JournalError(f"{self._path}: a database, but not a journal of this program")
        if version > VERSION:
            raise JournalError(f"{self._path}: written by a newer version of this program (schema {version})")
        if tables and version < 1:
            raise Corrupt(f"{self._path}: damaged: there was never a schema {version}")
        self._fallen = "NULL" if read_only and version < 2 else "fallen"  # what has no falls yet is read as it is
        self._draft = "NULL" if read_only and version < 4 else "draft"
        if read_only:
            return
        if not tables:
            self._db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # a new file's first word, or SQLite does not heed it
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")  # it grows while somebody reads for long
        self._db.execute("PRAGMA synchronous = FULL")
        if not tables or version < VERSION:
            with self.transaction():
                for statement in statements_from(version if tables else 0):
                    self._db.execute(statement)
        self._check()
        self._db.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")

    def _check(self) -> None:
        """Corrupt: tables are missing or damaged. Panes are not looked through, they are many: their damage shows when met."""
        for table, expected in columns().items():
            found = tuple(name for _, name, *_ in self._db.execute(f"PRAGMA table_info({table})"))
            if found != expected:
                raise Corrupt(f"{self._path}: damaged: {table} is not what it should be")
            if table not in _MANY_ROWS:
                (said,) = self._db.execute(f"PRAGMA quick_check({table})").fetchone()
                if said != "ok":
                    raise Corrupt(f"{self._path}: damaged ({' '.join(said.split())})")

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. JournalError: what SQLite says, with the file's name."""
        with explained(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._db.in_transaction:  # SQLite may have rolled back by itself
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    # ---- runs, epochs, panes

    def add_run(self, run: Run) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, NULL, ?, ?, ?)",
            (run.id, run.channel, run.source, run.started_at.isoformat(), rows.dump(run.settings),
             rows.dump_windows(run.baseline), rows.dump(run.signals)),
        )  # fmt: skip

    def end_run(self, run_id: str, ended_at: datetime) -> None:
        self._db.execute("UPDATE runs SET ended_at = ? WHERE id = ?", (ended_at.isoformat(), run_id))

    def add_epoch(self, run_id: str, epoch: Epoch) -> None:
        self._db.execute("INSERT OR REPLACE INTO epochs VALUES (?, ?, ?)", (run_id, epoch.number, rows.dump_epoch(epoch)))

    def add_panes(self, panes: Sequence[tuple[str, PaneScore]]) -> None:
        for run_id, pane in panes:
            row = self._db.execute(
                "INSERT INTO panes VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
                (run_id, pane.epoch, pane.number, pane.start_seconds, pane.duration_seconds, pane.is_last,
                 rows.dump(dict(pane.fallen)) if pane.fallen else None),
            ).lastrowid  # fmt: skip
            self._db.executemany(
                "INSERT INTO sums VALUES (?, ?, ?, ?, ?)",
                [
                    (row, place, name, float(sum_.total), int(sum_.count))
                    for place, (name, sum_) in enumerate(pane.signals.items())
                ],
            )

    def runs(self) -> list[Run]:
        """Oldest first."""
        with explained(self._path):
            found = self._db.execute("SELECT * FROM runs ORDER BY rowid").fetchall()
        return [
            Run(run_id, channel, source, datetime.fromisoformat(started_at), ended_at and datetime.fromisoformat(ended_at),
                json.loads(settings), rows.load_windows(baseline), json.loads(signals))
            for run_id, channel, source, started_at, ended_at, settings, baseline, signals in found
        ]  # fmt: skip

    def epoch(self, run_id: str, number: int) -> Epoch | None:
        row = self._db.execute("SELECT epoch FROM epochs WHERE run_id = ? AND number = ?", (run_id, number)).fetchone()
        return None if row is None else rows.load_epoch(row[0])

    def panes(self, run_id: str) -> Iterator[PaneScore]:
        """In the order in which they were added; signals in their order too, for sums of floats depend on it."""
        query = (
            f"SELECT id, epoch, number, start_seconds, duration_seconds, is_last, {self._fallen}, signal, total, count"  # noqa: S608 # own text
            " FROM panes LEFT JOIN sums ON pane_id = id WHERE run_id = ? ORDER BY id, position"
        )
        with explained(self._path):
            found = self._db.execute(query, (run_id,))
            for (_, epoch, number, start, duration, is_last, fallen), group in itertools.groupby(found, key=lambda row: row[:7]):
                signals = {signal: Sum(total, count) for *_, signal, total, count in group if signal is not None}
                kinds = json.loads(fallen) if fallen else {}
                yield PaneScore(epoch, number, start, duration, signals, is_last=bool(is_last), fallen=kinds)

    # ---- highlights and alerts

    def save_highlight(self, saved: SavedHighlight) -> None:
        """JournalError: the highlight was done already; `end` comes once and last."""
        run_id, highlight = saved.run_id, saved.highlight
        row = self._db.execute("SELECT state FROM highlights WHERE run_id = ? AND id = ?", (run_id, highlight.id)).fetchone()
        if row == ("done",):
            raise JournalError(f"{self._path}: highlight {highlight.id} has ended already")
        self._db.execute(
            "INSERT INTO highlights VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state,"
            " highlight = excluded.highlight, clip = excluded.clip, reason = excluded.reason, draft = excluded.draft",
            (run_id, highlight.id, saved.channel, saved.state, highlight.start_seconds, rows.dump_highlight(highlight),
             rows.dump_clip(saved.clip), saved.reason, rows.dump_draft(saved.draft)),
        )  # fmt: skip

    def highlights(self, run_id: str) -> list[SavedHighlight]:
        return self._saved("WHERE run_id = ? ORDER BY start_seconds, rowid", (run_id,))

    def unfinished(self) -> list[SavedHighlight]:
        return self._saved("WHERE state <> 'done' ORDER BY rowid", ())

    def _saved(self, where: str, values: tuple[str, ...]) -> list[SavedHighlight]:
        with explained(self._path):
            columns = f"run_id, channel, state, highlight, clip, reason, {self._draft}"
            found = self._db.execute(f"SELECT {columns} FROM highlights {where}", values).fetchall()  # noqa: S608 # own text
        return [_saved_highlight(*row) for row in found]

    # ---- what is old

    def prune(self, before: datetime) -> Pruned:
        """Forget a little of it; nothing when all of it is gone. ``pruning`` says what stays."""
        return prune(self._db, before)

    # ---- baselines

    def keep_baseline(self, channel: str, windows: Sequence[Window], kinds: Mapping[str, str]) -> None:
        values = (channel, rows.dump_windows(windows), rows.dump(dict(kinds)))
        self._db.execute("INSERT OR REPLACE INTO baselines VALUES (?, ?, ?)", values)

    def baseline(self, channel: str, kinds: Mapping[str, str]) -> tuple[Window, ...]:
        """What it kept of signals that ``kinds`` (signal -> kind) measures as they were then."""
        row = self._db.execute("SELECT windows, kinds FROM baselines WHERE channel = ?", (channel,)).fetchone()
        return () if row is None else rows.measured_by(rows.load_windows(row[0]), json.loads(row[1]), kinds)

    # ---- from one file into another

    def copy_to(self, path: Path) -> None:
        """All of it, into a file that is not there yet. Refused, Corrupt: of either file."""
        with explained(path), closing(sqlite3.connect(path)) as copy:
            self._db.backup(copy)

    def put_row(self, table: str, row: tuple[Any, ...]) -> bool:
        """As it was read from another journal, perhaps of an older version; False: it is here already, or makes no sense here."""
        lacking = len(columns()[table]) - len(row)
        if lacking < 0:
            return False
        row = (*row, *[None] * lacking)  # columns are added at the end
        places = ", ".join("?" * len(row))
        return self._db.execute(f"INSERT OR IGNORE INTO {table} VALUES ({places})", row).rowcount == 1  # noqa: S608 # own text

    def forget_highlight(self, run_id: str, highlight_id: str) -> None:
        self._db.execute("DELETE FROM highlights WHERE run_id = ? AND id = ?", (run_id, highlight_id))


def _saved_highlight(
    run_id: str, channel: str, state: State, highlight: str, clip: str | None, reason: str | None, draft: str | None
) -> SavedHighlight:
    loaded = rows.load_highlight(highlight)
    return SavedHighlight(run_id, channel, state, loaded, rows.load_clip(clip), reason, rows.load_draft(draft, loaded))
