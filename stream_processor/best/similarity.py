"""How much all peaks look like one another: the matrix as a table, and as a heat map."""

import csv
from pathlib import Path

from stream_processor.best.charts import CHOSEN, INK, figure, save
from stream_processor.best.labels import clock, printable
from stream_processor.best.records import Selection
from stream_processor.best.timeline_csv import number

_MOST = 60
"""Peaks in the picture; the table has all."""
_MOST_WITH_NUMBERS = 14
_LONGEST_NAME = 28


def write(table: Path, picture: Path, selection: Selection) -> None:
    """CSV: a row and a column for each peak, the chosen first by rank, cosine similarity in between. PNG: the same to look at."""
    labels = names(selection)
    with table.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["", *labels])
        for label, values in zip(labels, selection.similarity, strict=True):
            rows.writerow([label, *(number(value) for value in values)])
    _draw(picture, selection, labels)


def names(selection: Selection) -> list[str]:
    """``#1 0:31.4`` for the chosen, ``0:12.0`` for the others, with the video's name where there are several."""
    moments = [(f"#{one.rank} ", one.moment) for one in selection.chosen] + [("", one.moment) for one in selection.rejected]
    several = len(selection.tables) > 1
    labels = []
    for rank, moment in moments:
        name = printable(selection.tables[moment.video].table.video.path.stem)
        labels.append(f"{rank}{clock(moment.peak_seconds, decimals=1)}" + (f" {name}" if several else ""))
    return labels


def _draw(path: Path, selection: Selection, labels: list[str]) -> None:
    shown = min(len(labels), _MOST)
    if not shown:
        return
    matrix = selection.similarity[:shown, :shown]
    side = max(3.2, 0.36 * shown if shown > _MOST_WITH_NUMBERS else 0.55 * shown)
    made = figure(side + 3.4, side + 1.8)
    axes = made.subplots()
    lowest = float(matrix.min())
    dark = min(0.8, lowest)
    image = axes.imshow(matrix, cmap="cividis", vmin=dark, vmax=1.0)
    short = [label if len(label) <= _LONGEST_NAME else f"{label[: _LONGEST_NAME - 1]}…" for label in labels[:shown]]
    short = [label.replace("$", r"\$") for label in short]
    axes.set_xticks(range(shown), short, rotation=60, ha="right", rotation_mode="anchor", fontsize=9)
    axes.set_yticks(range(shown), short, fontsize=9)
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        for number_of, tick in enumerate(ticks):
            is_chosen = number_of < len(selection.chosen)
            tick.set(color=CHOSEN if is_chosen else INK, fontweight="bold" if is_chosen else "normal")
    if shown <= _MOST_WITH_NUMBERS:
        for row in range(shown):
            for column in range(shown):
                value = float(matrix[row, column])
                colour = "black" if value > (dark + 1.0) / 2 else "white"
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=9, color=colour)
    more = f", the first {shown} of {len(labels)}" if shown < len(labels) else ""
    axes.set_title(f"How alike the peaks look{more}", loc="left", fontsize=12, fontweight="bold", color=INK)
    made.colorbar(image, ax=axes, label="cosine similarity (1: the same)", shrink=0.8)
    save(made, path)
