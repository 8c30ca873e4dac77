"""What ``main replay`` reads: a journal's run, or a CSV that someone made."""

import csv
import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from stream_processor.errors import JournalError, SettingsError
from stream_processor.journaling.ledger import Ledger
from stream_processor.journaling.rows import Run, SavedHighlight
from stream_processor.records import Highlight, PaneScore, Sum, Window
from stream_processor.redact import one_line

JOURNAL = "journal.sqlite3"
_SQLITE_HEADER = b"SQLite format 3\x00"
MAX_SECONDS = 1e9
"""Thirty years: a CSV whose times go beyond it counts something else, milliseconds since 1970 for one."""
_A_MINUTE = 60.0
_LARGEST = 1e100
"""Sums of larger values would not be numbers any more."""


@dataclass(frozen=True)
class JournaledRun:
    """``saved`` are its highlights by start, each with what became of it; ``others`` the journal's other runs, oldest first."""

    run: Run
    panes: Sequence[PaneScore]
    saved: Sequence[SavedHighlight]
    others: Sequence[Run]

    @property
    def highlights(self) -> Sequence[Highlight]:
        """As they were decided."""
        return [one.highlight for one in self.saved]

    def notes(self) -> list[str]:
        """What whoever reads its scores should know, a line each."""
        said = []
        if self.panes and (first := self.panes[0].start_seconds) > _A_MINUTE:
            said.append(f"the journal has forgotten what came before {first:.0f} s (output.journal_days)")
        said += [
            f"{signal} was measured by {kind} from {pane.start_seconds:.0f} s on"
            for pane in self.panes
            for signal, kind in pane.fallen.items()
        ]
        return said


@dataclass(frozen=True)
class Table:
    """A CSV file: ``columns`` without ``time``, and a row per time: (seconds, the columns' values, None where empty)."""

    name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[float, tuple[float | None, ...]]]


def read(path: Path, run_id: str | None = None) -> JournaledRun | Table:
    """``path``: an output folder, its journal, or a CSV; ``run_id`` None: the newest run.

    SettingsError: no such file, or a bad CSV, with the row. JournalError: no journal, no such run.
    """
    try:
        if path.is_dir():
            path = path / JOURNAL
        if path.exists() and not path.is_file():
            raise SettingsError(f"{path}: not a file")  # a pipe cannot be read twice, and perhaps not once
        with path.open("rb") as file:
            is_journal = file.read(len(_SQLITE_HEADER)) == _SQLITE_HEADER or path.suffix.startswith(".sqlite")
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except ValueError as error:  # a NUL, half a surrogate pair
        raise SettingsError(f"{path}: cannot be a file name") from error
    if is_journal:
        return read_journal(path, run_id)
    if run_id is not None:
        raise SettingsError(f"--run {run_id}: {path} is a table and has no runs")
    return read_csv(path)


def read_journal(path: Path, run_id: str | None = None, channel: str | None = None) -> JournaledRun:
    """The newest run, or the newest of ``channel``. Reads beside a run that is still being written, too.

    JournalError: no such run, no such channel, a run of another channel, no run at all.
    """
    with closing(Ledger(path, read_only=True)) as ledger:
        runs = {run.id: run for run in ledger.runs()}
        if not runs:
            raise JournalError(f"{path}: no run in it yet")
        if run_id is not None and run_id not in runs:
            raise JournalError(f"{path}: no run {run_id} in it (there are {', '.join(runs)})")
        if run_id is not None and channel not in (None, runs[run_id].channel):
            raise JournalError(f"{path}: run {run_id} is one of {runs[run_id].channel}, not of {one_line(str(channel), most=80)}")
        of_channel = [run for run in runs.values() if channel in (None, run.channel)]
        if not of_channel:
            names = one_line(", ".join(sorted({run.channel for run in runs.values()})), most=200)
            raise JournalError(f"{path}: no channel {one_line(str(channel), most=80)} in it (there are {names})")
        run = runs[run_id] if run_id is not None else of_channel[-1]
        others = [other for other in runs.values() if other.id != run.id]
        return JournaledRun(run, list(ledger.panes(run.id)), ledger.highlights(run.id), others)


def read_csv(path: Path) -> Table:
    """A header with ``time`` and other columns, then numbers; ``time`` in seconds, rising. An empty cell is a gap."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file)
            header = [name.strip() for name in next(lines, [])]
            _check_header(path, header)
            return Table(path.name, tuple(name for name in header if name != "time"), list(_rows(path, lines, header)))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path}: neither a journal nor a CSV file ({error})") from error


def _check_header(path: Path, header: Sequence[str]) -> None:
    if not any(header):
        raise SettingsError(f"{path}: empty")
    if "time" not in header:
        raise SettingsError(f"{path}: row 1: no column named time (there are {one_line(', '.join(header), most=200)})")
    if len(set(header)) < len(header) or "" in header:
        raise SettingsError(f"{path}: row 1: columns without a name, or two of one name")
    if len(header) < 2:
        raise SettingsError(f"{path}: row 1: nothing but time; add score, or columns named after signals")


def _rows(path: Path, lines: Iterator[list[str]], header: Sequence[str]) -> Iterator[tuple[float, tuple[float | None, ...]]]:
    before = -math.inf
    found = False
    for number, cells in enumerate(lines, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise SettingsError(f"{path}: row {number}: {len(cells)} cells under {len(header)} columns")
        values = {name: _number(path, number, name, cell) for name, cell in zip(header, cells, strict=True)}
        time = values.pop("time")
        if time is None or not 0 <= time <= MAX_SECONDS:
            raise SettingsError(f"{path}: row {number}: time must be a number of seconds from 0 to {MAX_SECONDS:.0f}")
        if time <= before:
            raise SettingsError(f"{path}: row {number}: time {time:g} does not rise above {before:g}")
        before, found = time, True
        yield time, tuple(values.values())
    if not found:
        raise SettingsError(f"{path}: no rows below the header")


def _number(path: Path, row: int, name: str, cell: str) -> float | None:
    if not cell.strip():
        return None
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not abs(value) <= _LARGEST:
        raise SettingsError(f"{path}: row {row}: {one_line(name, most=40)} is not a number: {cell.strip()[:40]!r}")
    return value


def panes_of(table: Table, signals: Sequence[str], pane_seconds: float) -> Sequence[PaneScore]:
    """Each row is one sample of each of ``signals``, in the pane that its time lies in; panes without a row are missing."""
    pane_length = Fraction(str(pane_seconds))
    samples: dict[int, list[tuple[float | None, ...]]] = {}
    for time, values in table.rows:
        samples.setdefault(Fraction(str(time)) // pane_length, []).append(values)
    places = {signal: table.columns.index(signal) for signal in signals}
    last = max(samples)
    return [
        PaneScore(
            epoch=0,
            number=number,
            start_seconds=float(number * pane_length),
            duration_seconds=pane_seconds,
            signals={signal: _sum(row[place] for row in rows) for signal, place in places.items()},
            is_last=number == last,
        )
        for number, rows in samples.items()
    ]


def score_windows(table: Table, length_seconds: float) -> Sequence[Window]:
    """Each row is one window that begins at its time; its value is the signal ``score``. Rows without a score are left out."""
    place = table.columns.index("score")
    return [
        Window(0, number, time, time + length_seconds, {"score": score}, (number, number + 1))
        for number, (time, values) in enumerate(table.rows)
        if (score := values[place]) is not None
    ]


def _sum(values: Iterator[float | None]) -> Sum:
    there = [value for value in values if value is not None]
    return Sum(math.fsum(there), len(there))
