"""A score curve as SVG paths: rows of equal length, thinned to what a screen can show. Pure.

::

    row 1   0:00:00 ├──────────────╮╭─────────┤ 0:10:00        a run of days has as many rows as an evening,
    row 2   0:10:00 ├───╯╰────────────────────┤ 0:20:00        each of them longer
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stream_processor.reporting.page import Curve, Moment, NearMiss, Point

WIDTH, HEIGHT = 1000, 120
"""Of a row, in units of the drawing."""

MOST_ROWS = 12
_MINUTE, _HOUR = 60.0, 3600.0
_LENGTHS = (*(n * _MINUTE for n in (10, 20, 30)), *(n * _HOUR for n in (1, 2, 4, 6, 12, 24, 48, 96)))
_ONE_ROW_SECONDS = 20 * _MINUTE
"""So much of a stream is still legible in one row."""

_TICKS = (5.0, 10.0, 15.0, 30.0, _MINUTE, *(n * _MINUTE for n in (2, 5, 10, 15, 30)), *(n * _HOUR for n in (1, 2, 4, 6, 12, 24)))
_MOST_TICKS = 10
_NUMBER_WIDTH = 26
"""What a moment's number takes above the row, in units of the drawing."""


@dataclass(frozen=True)
class Span:
    """A moment's place in a row: ``x`` and ``width`` in the drawing's units. ``has_number``: there is room for it."""

    x: float
    width: float
    moment: Moment
    has_number: bool = True


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    near_miss: NearMiss


@dataclass(frozen=True)
class Row:
    """``score`` and ``threshold`` are path data; ``closed`` (x, width) of waiting screens; ``ticks`` (x, label)."""

    start_seconds: float
    end_seconds: float
    score: str
    threshold: str
    spans: Sequence[Span]
    dots: Sequence[Dot]
    closed: Sequence[tuple[float, float]]
    ticks: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class _Scale:
    """Where a time and a value lie in one row's drawing."""

    start: float
    end: float
    low: float
    high: float

    def x(self, seconds: float) -> float:
        return round((seconds - self.start) / (self.end - self.start) * WIDTH, 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - (min(max(value, self.low), self.high) - self.low) / (self.high - self.low) * HEIGHT, 1)

    def holds(self, start: float, end: float) -> bool:
        return start < self.end and end > self.start

    def stretch(self, start: float, end: float) -> tuple[float, float]:
        """(x, width) of what of it lies in the row."""
        left = self.x(max(start, self.start))
        return left, max(round(self.x(min(end, self.end)) - left, 1), 2.0)


def rows(curve: Curve) -> list[Row]:
    """The curve in at most ``MOST_ROWS`` rows (more only beyond 48 days)."""
    length, (low, high) = row_seconds(curve.duration_seconds), _range(curve)
    count = max(1, math.ceil(curve.duration_seconds / length - 1e-9))
    return [_row(curve, _Scale(number * length, (number + 1) * length, low, high)) for number in range(count)]


def _row(curve: Curve, scale: _Scale) -> Row:
    scores = [[(scale.x(point.seconds), scale.y(point.score)) for point in part] for part in _parts(curve, "score", scale)]
    levels = [
        [(scale.x(point.seconds), scale.y(point.threshold)) for point in part] for part in _parts(curve, "threshold", scale)
    ]
    return Row(
        start_seconds=scale.start,
        end_seconds=scale.end,
        score=" ".join(map(_path, scores)),
        threshold=" ".join(map(_path, levels)),
        spans=_spans(curve, scale),
        dots=[
            Dot(scale.x(one.peak_seconds), scale.y(one.score), one)
            for one in curve.near_misses
            if scale.start <= one.peak_seconds < scale.end and math.isfinite(one.score)
        ],
        closed=[scale.stretch(*stretch) for stretch in curve.closed if scale.holds(*stretch)],
        ticks=[(scale.x(seconds), clock(seconds)) for seconds in _ticks(scale.start, scale.end)],
    )


def _spans(curve: Curve, scale: _Scale) -> list[Span]:
    """By time; a number that would stand in the one before it is left out."""
    made: list[Span] = []
    numbered = -math.inf
    for one in sorted(curve.moments, key=lambda one: one.start_seconds):
        if scale.holds(one.start_seconds, one.end_seconds):
            x, width = scale.stretch(one.start_seconds, one.end_seconds)
            has_number = x + width / 2 - numbered >= _NUMBER_WIDTH
            numbered = x + width / 2 if has_number else numbered
            made.append(Span(x, width, one, has_number))
    return made


def row_seconds(duration_seconds: float) -> float:
    """How long a row is: a short recording has one of its own length."""
    if 0 < duration_seconds <= _ONE_ROW_SECONDS:
        return duration_seconds
    return next((length for length in _LENGTHS if math.ceil(duration_seconds / length) <= MOST_ROWS), _LENGTHS[-1])


def clock(seconds: float) -> str:
    """``1:02:03``, ``12:03`` below an hour; days are hours."""
    whole = round(max(seconds, 0.0))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def thinned(points: Sequence[Point], buckets: int, start: float, end: float, which: str) -> list[Point]:
    """At most two points in each of ``buckets`` equal stretches of [start, end): the lowest and the highest, in their order."""
    if len(points) <= 2 * buckets:
        return list(points)
    groups: dict[int, list[Point]] = {}
    for point in points:
        groups.setdefault(int((point.seconds - start) / (end - start) * buckets), []).append(point)
    kept: list[Point] = []
    for group in groups.values():
        low = min(group, key=lambda point: getattr(point, which))
        high = max(group, key=lambda point: getattr(point, which))
        kept += sorted({low, high}, key=lambda point: point.seconds)
    return kept


def _parts(curve: Curve, which: str, scale: _Scale) -> list[list[Point]]:
    """What lies in the row, torn where the value is not known; a line goes on to the row's edges."""
    made: list[list[Point]] = []
    for piece in curve.pieces:
        inside = [at for at, point in enumerate(piece) if scale.start <= point.seconds < scale.end]
        if not inside:
            continue
        part: list[Point] = []
        for point in piece[max(inside[0] - 1, 0) : inside[-1] + 2]:
            if math.isfinite(getattr(point, which)):
                part.append(point)
            elif part:
                made.append(thinned(part, WIDTH // 2, scale.start, scale.end, which))
                part = []
        if part:
            made.append(thinned(part, WIDTH // 2, scale.start, scale.end, which))
    return made


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def _range(curve: Curve) -> tuple[float, float]:
    values = [
        value for piece in curve.pieces for point in piece for value in (point.score, point.threshold) if math.isfinite(value)
    ]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = max(high - low, 0.1) * 0.08
    return low - margin, high + margin


def _ticks(start: float, end: float) -> list[float]:
    step = next((step for step in _TICKS if (end - start) / step <= _MOST_TICKS), _TICKS[-1])
    first = math.ceil(start / step) * step
    return [first + n * step for n in range(int((end - first) / step) + 1)]
