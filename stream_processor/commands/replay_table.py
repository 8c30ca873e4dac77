"""How ``main replay`` looks on a terminal."""

from collections import Counter

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stream_processor.clipping.sidecar import why
from stream_processor.commands.comparison import Difference, Kind
from stream_processor.commands.replay import Replay

_STYLES: dict[Kind, str] = {"same": "", "rescored": "yellow", "moved": "yellow", "added": "green", "gone": "red"}
_WIDTH_ELSEWHERE = 140


def print_table(result: Replay, console: Console | None = None) -> None:
    """A row per highlight, recorded or replayed, then one line that sums up."""
    console = console or Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH_ELSEWHERE)
    differences = result.differences
    rows = differences if differences is not None else [Difference("added", None, one) for one in result.highlights]
    table = Table(title=escape(result.name), title_justify="left", box=None, pad_edge=False)
    if differences is not None:
        table.add_column("")
    for name in ("start", "end", "peak", "score", "threshold"):
        table.add_column(name, justify="right")
    table.add_column("why")
    table.add_column("id", overflow="fold")
    for row in rows:
        cells = [] if differences is None else [row.change]
        table.add_row(*cells, *_cells(row), style="" if differences is None else _STYLES[row.change])
    console.print(table)
    console.print(escape(_summary(result)), highlight=False)
    for note in result.notes:
        console.print(f"note: {escape(note)}", highlight=False)


def _cells(row: Difference) -> list[str]:
    highlight = row.replayed or row.recorded
    assert highlight is not None  # a difference has at least one side
    start, end, peak = (_clock(seconds) for seconds in (highlight.start_seconds, highlight.end_seconds, highlight.peak_seconds))
    if row.change == "moved" and row.recorded is not None:
        start = f"{_clock(row.recorded.start_seconds)} → {start}"
        end = f"{_clock(row.recorded.end_seconds)} → {end}"
    score, threshold = f"{highlight.score:.2f}", f"{highlight.threshold:.2f}"
    if row.change == "rescored" and row.recorded is not None:
        score = f"{row.recorded.score:.2f} → {score}"
        threshold = f"{row.recorded.threshold:.2f} → {threshold}"
    return [start, end, peak, score, threshold, why(highlight), highlight.id]


def _summary(result: Replay) -> str:
    noun = "highlight" if len(result.highlights) == 1 else "highlights"
    found = f"{len(result.highlights)} {noun} in {result.windows} windows"
    if result.differences is None:
        return found
    counts = Counter(difference.change for difference in result.differences)
    if set(counts) <= {"same"}:
        return f"{found}, exactly as recorded"
    return f"{found}; against the recorded run: " + ", ".join(f"{counts[change]} {change}" for change in _STYLES)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}"
