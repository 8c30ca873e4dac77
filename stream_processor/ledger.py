"""The journal's tables in SQLite and every statement on them: plain, blocking, one thread. ``journal`` puts it into asyncio.

WAL, so that ``main replay`` may read while a run writes; synchronous=FULL, so that an alert told to the world is never
forgotten by a power cut. Panes come once a second, which makes that one sync a second.
"""

import itertools
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from stream_processor import rows
from stream_processor.errors import JournalError
from stream_processor.journal_schema import APPLICATION_ID, VERSION, statements_from
from stream_processor.records import ALERTS, Epoch, Event, PaneScore, Sum, Window
from stream_processor.rows import Alert, Run, SavedHighlight


class Corrupt(JournalError):
    """The file is no database, or a damaged one."""


class Refused(JournalError):
    """The disk does not take it now: full, read-only or failing. The same transaction may be tried again."""


_REFUSALS = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}


class Ledger:
    """An open journal file. Methods that write belong inside ``with ledger.transaction()``."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """JournalError: not readable, not ours, or of a newer version. Corrupt: no database at all, or damaged."""
        self._path = path
        with _explained(path):
            mode = "ro" if read_only else "rwc"
            self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None)
        try:
            with _explained(path):
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
        self._fallen = "NULL" if read_only and version < 2 else "fallen"  # what has no falls yet is read as it is
        if read_only:
            return
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        if not tables or version < VERSION:
            with self.transaction():
                for statement in statements_from(version if tables else 0):
                    self._db.execute(statement)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. JournalError: what SQLite says, with the file's name."""
        with _explained(self._path):
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
            "INSERT INTO runs VALUES (?, ?, ?, ?, NULL, ?, ?, ?)",
            (run.id, run.channel, run.source, run.started_at.isoformat(), rows.dump(run.settings),
             rows.dump_windows(run.baseline), rows.dump(run.signals)),
        )  # fmt: skip

    def end_run(self, run_id: str, ended_at: datetime) -> None:
        self._db.execute("UPDATE runs SET ended_at = ? WHERE id = ?", (ended_at.isoformat(), run_id))

    def add_epoch(self, run_id: str, epoch: Epoch) -> None:
        self._db.execute("INSERT INTO epochs VALUES (?, ?, ?)", (run_id, epoch.number, rows.dump_epoch(epoch)))

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
        with _explained(self._path):
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
        with _explained(self._path):
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
            "INSERT INTO highlights VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state,"
            " highlight = excluded.highlight, clip = excluded.clip, reason = excluded.reason",
            (run_id, highlight.id, saved.channel, saved.state, highlight.start_seconds, rows.dump_highlight(highlight),
             rows.dump_clip(saved.clip), saved.reason),
        )  # fmt: skip

    def highlights(self, run_id: str) -> list[SavedHighlight]:
        return self._saved("WHERE run_id = ? ORDER BY start_seconds, rowid", (run_id,))

    def unfinished(self) -> list[SavedHighlight]:
        return self._saved("WHERE state <> 'done' ORDER BY rowid", ())

    def _saved(self, where: str, values: tuple[str, ...]) -> list[SavedHighlight]:
        with _explained(self._path):
            columns = "run_id, channel, state, highlight, clip, reason"
            found = self._db.execute(f"SELECT {columns} FROM highlights {where}", values).fetchall()  # noqa: S608 # own text
        return [
            SavedHighlight(run_id, channel, state, rows.load_highlight(highlight), rows.load_clip(clip), reason)
            for run_id, channel, state, highlight, clip, reason in found
        ]

    def append(self, type: Alert, channel: str, payload: str, created_at: float) -> int:
        """The alert's sequence number: rises strictly and is never used again."""
        if type not in ALERTS:
            raise ValueError(f"{type} is no alert")
        values = (type, channel, payload, created_at)
        sequence = self._db.execute("INSERT INTO events VALUES (NULL, ?, ?, ?, ?)", values).lastrowid
        return int(sequence or 0)

    # ---- outbox

    def events_after(self, sequence: int, limit: int, channel: str | None = None) -> list[Event]:
        """``channel`` None: of all channels."""
        where = "sequence > ?1 AND (?2 IS NULL OR channel = ?2)"
        found = self._db.execute(f"SELECT * FROM events WHERE {where} ORDER BY sequence LIMIT ?3", (sequence, channel, limit))  # noqa: S608 # own text
        return [
            Event(type_, channel, json.loads(payload), number, created_at)
            for number, type_, channel, payload, created_at in found
        ]

    def last_sequence(self) -> int:
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
        return int(row[0]) if row else 0

    def cursor(self, sink: str) -> int:
        """Up to where ``sink`` has everything. A sink never seen before begins with what comes from now on."""
        self._db.execute("INSERT OR IGNORE INTO cursors VALUES (?, ?)", (sink, self.last_sequence()))
        return int(self._db.execute("SELECT sequence FROM cursors WHERE sink = ?", (sink,)).fetchone()[0])

    def move_cursor(self, sink: str, sequence: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?)", (sink, sequence))

    def held(self, sink: str) -> dict[str, tuple[int, int]]:
        """Channel -> up to where ``sink`` has its alerts, and how many more its cursor has passed, for those that it refused."""
        counted = (
            "SELECT held.channel, held.sequence, count(events.sequence) FROM held LEFT JOIN cursors ON cursors.sink = held.sink"
            " LEFT JOIN events ON events.channel = held.channel AND events.sequence > held.sequence"
            " AND events.sequence <= cursors.sequence WHERE held.sink = ? GROUP BY held.channel ORDER BY held.sequence"
        )
        return {channel: (sequence, count) for channel, sequence, count in self._db.execute(counted, (sink,))}

    def hold(self, sink: str, channel: str, sequence: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO held VALUES (?, ?, ?)", (sink, channel, sequence))

    def release(self, sink: str, channel: str) -> None:
        self._db.execute("DELETE FROM held WHERE sink = ? AND channel = ?", (sink, channel))

    def expire(self, created_before: float, sinks: Sequence[str]) -> dict[str, int]:
        """Forget old alerts; sink -> how many of them it never got."""
        lost = {}
        for sink in sinks:
            where = (
                "created_at < ?1 AND sequence > coalesce("
                "(SELECT sequence FROM held WHERE sink = ?2 AND channel = events.channel),"
                " (SELECT sequence FROM cursors WHERE sink = ?2), 0)"
            )
            (lost[sink],) = self._db.execute(f"SELECT count(*) FROM events WHERE {where}", (created_before, sink)).fetchone()  # noqa: S608
        self._db.execute("DELETE FROM events WHERE created_at < ?", (created_before,))
        return lost

    # ---- baselines

    def keep_baseline(self, channel: str, windows: Sequence[Window], kinds: Mapping[str, str]) -> None:
        values = (channel, rows.dump_windows(windows), rows.dump(dict(kinds)))
        self._db.execute("INSERT OR REPLACE INTO baselines VALUES (?, ?, ?)", values)

    def baseline(self, channel: str, kinds: Mapping[str, str]) -> tuple[Window, ...]:
        """What it kept of signals that ``kinds`` (signal -> kind) measures as they were then."""
        row = self._db.execute("SELECT windows, kinds FROM baselines WHERE channel = ?", (channel,)).fetchone()
        return () if row is None else rows.measured_by(rows.load_windows(row[0]), json.loads(row[1]), kinds)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """What SQLite raises becomes one line with the file's name."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise Corrupt(f"{path}: damaged, or not a journal ({error})") from error
        if code is not None and code & 0xFF in _REFUSALS:  # the rest says which kind
            raise Refused(f"{path}: {error}") from error
        raise JournalError(f"{path}: {error}") from error
