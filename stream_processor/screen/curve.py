"""The score curve as text: one column per window, newest at the right, the threshold as a line across, highlights below.

0.93 ┤        ▃█▆
     │       ▂███▁
0.61 ┼───────█████──────   the threshold
     │▁▂▁▃▂▁▅█████▄▂▁▁▂▁
0.00 ┴──────━━━━━━──────   heavy: part of a highlight
"""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.text import Text

from stream_processor.status import Point

BLOCKS = " ▁▂▃▄▅▆▇█"
LABEL_WIDTH = 6
_TOP_IN_THRESHOLDS = 3.0
"""One outburst must not flatten everything else: what is higher is cut off."""

Span = tuple[float, float]
"""Start and end in stream seconds."""


def draw(points: Sequence[Point], highlights: Sequence[Span], width: int, height: int) -> list[Text]:
    """``height`` lines of ``width`` cells: bars, and one line of axis at the bottom. Pure, and never fails on NaN or nothing."""
    columns = max(width - LABEL_WIDTH - 2, 1)
    rows = max(height - 1, 1)
    shown = list(points)[-columns:]
    top = _top(shown)
    lines = [_row(shown, row, rows, top, columns) for row in reversed(range(rows))]
    return [*lines, _axis(shown, highlights, columns)]


def sparkline(points: Sequence[Point], width: int) -> Text:
    """The same in one line, without the threshold but for the colour of what is above it."""
    shown = list(points)[-width:] if width > 0 else []
    top = _top(shown)
    line = Text(" " * (width - len(shown)), no_wrap=True)
    return _append(line, ((BLOCKS[_eighths(point.score, 0, 1, top)], _style(point)) for point in shown))


def _append(line: Text, cells: Iterable[tuple[str, str]]) -> Text:
    """Cells and their styles, a run of one style at once: each piece costs the terminal, several times a second."""
    for style, run in groupby(cells, lambda cell: cell[1]):
        line.append("".join(character for character, _ in run), style=style)
    return line


def _style(point: Point) -> str:
    return "above" if point.score >= point.threshold else "below"


def _top(points: Sequence[Point]) -> float:
    thresholds = [point.threshold for point in points if math.isfinite(point.threshold) and point.threshold > 0]
    scores = [point.score for point in points if math.isfinite(point.score)]
    top = max([*scores, *(1.2 * threshold for threshold in thresholds), 0.0])
    if thresholds:
        top = min(top, _TOP_IN_THRESHOLDS * max(thresholds))
    return top if top > 1e-6 else 1.0


def _eighths(value: float, row: int, rows: int, top: float) -> int:
    """How much of a row's cell a bar of this value fills, 0 to 8."""
    if not math.isfinite(value):
        return 0
    filled = value / top * rows * 8 - row * 8
    return round(min(max(filled, 0), 8))


def _row(points: Sequence[Point], row: int, rows: int, top: float, columns: int) -> Text:
    line = Text(no_wrap=True).append(_label(points, row, rows, top), style="dim")
    line.append(" " * (columns - len(points)))
    return _append(line, (_cell(point, row, rows, top) for point in points))


def _cell(point: Point, row: int, rows: int, top: float) -> tuple[str, str]:
    block = _eighths(point.score, row, rows, top)
    has_threshold = math.isfinite(point.threshold) and _row_of(point.threshold, rows, top) == row
    return ("─", "threshold") if has_threshold and block < 8 else (BLOCKS[block], _style(point))


def _label(points: Sequence[Point], row: int, rows: int, top: float) -> str:
    """The top of the scale, and the newest threshold beside its line."""
    threshold = points[-1].threshold if points else math.nan
    if math.isfinite(threshold) and _row_of(threshold, rows, top) == row:
        return f"{_number(threshold)} ┼"
    if row == rows - 1 and points:
        return f"{_number(top)} ┤"
    return " " * LABEL_WIDTH + " │"


def _number(value: float) -> str:
    form = ".2f" if abs(value) < 100 else ".0f" if abs(value) < 10000 else ".0e"
    return f"{value:{form}}".rjust(LABEL_WIDTH)


def _row_of(value: float, rows: int, top: float) -> int:
    return min(max(int(value / top * rows), 0), rows - 1)


def _axis(points: Sequence[Point], highlights: Sequence[Span], columns: int) -> Text:
    line = Text(no_wrap=True).append(f"{_number(0)} ┴" + "─" * (columns - len(points)), style="dim")
    marked = (any(start <= point.seconds < end for start, end in highlights) for point in points)
    return _append(line, (("━", "highlight") if is_marked else ("─", "dim") for is_marked in marked))
