"""The score curve as text: one column per window, newest at the right, the threshold as a line across, highlights below.

0.93 ┤        ▃█▆
     │       ▂███▁
0.61 ┼───────█████──────   the threshold
     │▁▂▁▃▂▁▅█████▄▂▁▁▂▁
0.00 ┴──────━━━━━━──────   heavy: part of a highlight
"""

import math
from collections.abc import Sequence

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


def sparkline(points: Sequence[Point], width: int) -> str:
    """The same in one line."""
    shown = list(points)[-width:]
    top = _top(shown)
    return "".join(BLOCKS[_eighths(point.score, 0, 1, top)] for point in shown).rjust(width)


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
    for point in points:
        block = _eighths(point.score, row, rows, top)
        has_threshold = math.isfinite(point.threshold) and _row_of(point.threshold, rows, top) == row
        if has_threshold and block < 8:
            line.append("─", style="threshold")
        else:
            line.append(BLOCKS[block], style="above" if point.score >= point.threshold else "below")
    return line


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
    for point in points:
        is_highlight = any(start <= point.seconds < end for start, end in highlights)
        line.append("━" if is_highlight else "─", style="highlight" if is_highlight else "dim")
    return line
