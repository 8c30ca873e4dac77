"""The score graph: for each video the smoothed score with what was chosen and what was not and why, and all components below."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MultipleLocator

from stream_processor.best.charts import CHOSEN, COLOURS, FAINT, INK, REJECTED, figure, save
from stream_processor.best.comparing import AGAINST
from stream_processor.best.labels import clock, printable
from stream_processor.best.records import Chosen, Float64s, Rejected, ScoreTable, Selection

_WIDTH_INCHES = 13.0
_SCORE_INCHES, _PARTS_INCHES, _LINE_INCHES = 3.0, 1.9, 0.21
_TALLEST_INCHES = 300.0
_MOST_POINTS = 3000
"""Of a line; more cannot be seen at this width."""
_MOST_REASONS = 12
_TICKS_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_MOST_TICKS = 14
_MOST_LARGE = 20
"""More ranks are written smaller."""


def write(png: Path, svg: Path, selection: Selection) -> None:
    videos = range(len(selection.tables))
    reasons = [_reasons(_rejected(selection, video)) for video in videos]
    inches = [_SCORE_INCHES + _PARTS_INCHES + _LINE_INCHES * len(lines) + 0.4 for lines in reasons]
    made = figure(_WIDTH_INCHES, min(sum(inches), _TALLEST_INCHES))
    parts = made.subfigures(len(inches), 1, height_ratios=inches, squeeze=False)
    for video, (scored, lines) in enumerate(zip(selection.tables, reasons, strict=True)):
        _draw_video(parts[video][0], selection, video, scored, lines)
    save(made, png, svg)


def _draw_video(part: Any, selection: Selection, video: int, scored: ScoreTable, reasons: list[str]) -> None:
    ratios = [_SCORE_INCHES, _PARTS_INCHES, _LINE_INCHES * len(reasons) + 0.01]
    scores, parts, words = part.subplots(3, 1, height_ratios=ratios)
    parts.sharex(scores)
    chosen = [one for one in selection.chosen if one.moment.video == video]
    rejected = _rejected(selection, video)
    part.suptitle(_plain(scored.table.video.path.name), x=0.01, ha="left", fontsize=13, fontweight="bold", color=INK)
    _draw_scores(scores, scored, chosen, rejected)
    _draw_components(parts, scored)
    last = max(float(scored.table.times[-1]) if len(scored.table.times) else 0.0, scored.table.video.duration_seconds, 1.0)
    scores.set_xlim(0, last)
    scores.tick_params(labelbottom=False)
    for axes in (scores, parts):
        axes.xaxis.set_major_locator(MultipleLocator(tick_seconds(last)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds)))
        axes.grid(visible=True, color="#E6E8EB", linewidth=0.8)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    words.axis("off")
    words.text(0.0, 1.0, "\n".join(reasons), va="top", ha="left", fontsize=9, color=REJECTED, transform=words.transAxes)


def _draw_scores(axes: Any, scored: ScoreTable, chosen: list[Chosen], rejected: list[Rejected]) -> None:
    times = scored.table.times
    axes.plot(*thinned(times, scored.scores), color=FAINT, linewidth=0.9, alpha=0.8, label="score")
    axes.plot(*thinned(times, scored.smoothed), color=INK, linewidth=2.0, label="smoothed")
    for number, one in enumerate(chosen):
        label = "clip" if number == 0 else None
        axes.axvspan(one.start_seconds, one.end_seconds, color=CHOSEN, alpha=0.16, linewidth=0, label=label)
    axes.plot(
        [one.moment.peak_seconds for one in chosen],
        [one.moment.score for one in chosen],
        linestyle="none",
        marker="o",
        markersize=7,
        color=CHOSEN,
        label="chosen, with its rank",
    )
    axes.plot(
        [one.moment.peak_seconds for one in rejected],
        [one.moment.score for one in rejected],
        linestyle="none",
        marker="x",
        markersize=7,
        markeredgewidth=1.8,
        color=REJECTED,
        label="not taken",
    )
    for one in chosen:
        size = 10 if len(chosen) <= _MOST_LARGE else 7
        _mark(axes, one.moment.peak_seconds, one.moment.score, f"#{one.rank}", CHOSEN, size)
    for number, other in enumerate(rejected[:_MOST_REASONS]):
        _mark(axes, other.moment.peak_seconds, other.moment.score, _letter(number), REJECTED, 9, is_below=True)
    axes.set_ylabel("score")
    axes.margins(y=0.16)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)


def _mark(axes: Any, seconds: float, score: float, text: str, colour: str, size: float, *, is_below: bool = False) -> None:
    axes.annotate(
        text,
        (seconds, score),
        xytext=(0, -8 if is_below else 8),
        textcoords="offset points",
        ha="center",
        va="top" if is_below else "bottom",
        fontsize=size,
        fontweight="bold" if colour == CHOSEN else "normal",
        color=colour,
    )


def _draw_components(axes: Any, scored: ScoreTable) -> None:
    for number, (name, values) in enumerate(scored.components.items()):
        style = "-" if number < len(COLOURS) else "--"
        colour = COLOURS[number % len(COLOURS)]
        label = f"{_plain(name)} (against)" if name in AGAINST else _plain(name)
        axes.plot(*thinned(scored.table.times, values), color=colour, linewidth=1.3, linestyle=style, label=label)
    axes.set_ylim(-0.04, 1.04)
    axes.set_ylabel("components")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)


def _reasons(rejected: list[Rejected]) -> list[str]:
    """A line for each peak that was not taken, by its letter in the graph."""
    lines = [
        f"{_letter(number)}   {clock(one.moment.peak_seconds, decimals=1)}   {_plain(one.reason)}"
        for number, one in enumerate(rejected[:_MOST_REASONS])
    ]
    more = len(rejected) - _MOST_REASONS
    return [*lines, f"and {more} more, in metadata.json"] if more > 0 else lines


def tick_seconds(lasts_seconds: float) -> float:
    """How far apart times are written, in round minutes where it is long."""
    return next((step for step in _TICKS_SECONDS if lasts_seconds / step <= _MOST_TICKS), math.ceil(lasts_seconds / _MOST_TICKS))


def _rejected(selection: Selection, video: int) -> list[Rejected]:
    """The best of them first by time, then the others: only the first get a letter."""
    rejected = [one for one in selection.rejected if one.moment.video == video]
    by_score = sorted(rejected, key=lambda one: -one.moment.score)
    return sorted(by_score[:_MOST_REASONS], key=lambda one: one.moment.peak_seconds) + by_score[_MOST_REASONS:]


def _letter(number: int) -> str:
    return chr(ord("a") + number)


def _plain(text: str) -> str:
    """Not mathematics."""
    return printable(text).replace("$", r"\$")


def thinned(times: Float64s, values: Float64s, most: int = _MOST_POINTS) -> tuple[Float64s, Float64s]:
    """Of a longer line the least and the greatest of each stretch, in order, so that no spike is lost. NaN stay gaps."""
    if len(times) <= most:
        return times, values
    step = math.ceil(len(times) / (most // 2))
    kept: list[int] = []
    for first in range(0, len(times), step):
        block = values[first : first + step]
        if np.isfinite(block).any():
            kept += sorted({first + int(np.nanargmin(block)), first + int(np.nanargmax(block))})
        else:
            kept.append(first)
    index = np.array(kept)
    return times[index], values[index]
