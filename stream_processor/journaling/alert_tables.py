"""The part of the ledger that the outbox lives on: alerts in their order, and up to where each sink has them."""

import json
import sqlite3
from collections.abc import Sequence

from stream_processor.journaling.rows import Alert
from stream_processor.records import ALERTS, Event

_NO_ALERT_BEFORE = 1_700_000_000.0
"""UTC, November 2023: a clock that says less was never set."""


class AlertTables:
    """Statements on ``events``, ``cursors`` and ``held``; those that write belong inside a transaction."""

    _db: sqlite3.Connection

    def append(self, type: Alert, channel: str, payload: str, created_at: float) -> int:
        """The alert's sequence number: rises strictly and is never used again."""
        if type not in ALERTS:
            raise ValueError(f"{type} is no alert")
        values = (type, channel, payload, created_at)
        sequence = self._db.execute("INSERT INTO events VALUES (NULL, ?, ?, ?, ?)", values).lastrowid
        return int(sequence or 0)

    def put_alert(self, sequence: int, type: str, channel: str, payload: str, created_at: float) -> None:
        """One that has its number already."""
        self._db.execute("INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?)", (sequence, type, channel, payload, created_at))

    def begin_sequence(self, last: int) -> None:
        """The next alert has a number above ``last``."""
        last = max(last, self.last_sequence())
        self._db.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
        self._db.execute("INSERT INTO sqlite_sequence VALUES ('events', ?)", (last,))

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

    def redate(self, now: float) -> None:
        """Alerts made while the machine's clock was not set (1970) are of ``now``, unless it is not set now either."""
        if now >= _NO_ALERT_BEFORE:
            self._db.execute("UPDATE events SET created_at = ? WHERE created_at < ?", (now, _NO_ALERT_BEFORE))

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
