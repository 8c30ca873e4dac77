"""What ``main best`` says at the end: the moments in a table, which video is the best take and by what, and what to do next."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from stream_processor.best.comparing import AGAINST
from stream_processor.best.records import ScoreTable, Selection

_WIDE = 160
"""Columns on which the table is laid out where it does not go to a terminal."""


def print_selection(selection: Selection, files: Sequence[str | None]) -> None:
    """``files``: of each clip in rank order, its name; None: it could not be cut."""
    console = Console(soft_wrap=False, highlight=False)
    if not console.is_terminal:
        console = Console(width=_WIDE, highlight=False)
    if selection.chosen:
        console.print(moments(selection, files))
        for line in finishing(selection):
            console.print(line, markup=False, soft_wrap=True)
    for line in takes(selection):
        console.print(line, markup=False, soft_wrap=True)


def moments(selection: Selection, files: Sequence[str | None]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    several = len(selection.tables) > 1
    for name, is_number in (("", True), ("clip", False), ("at", True), ("score", True)):
        table.add_column(name, justify="right" if is_number else "left", no_wrap=True)
    if several:
        table.add_column("video", overflow="fold")
    table.add_column("what it scores by", overflow="fold")
    table.add_column("from – to", no_wrap=True)
    for chosen, file in zip(selection.chosen, files, strict=True):
        row = [str(chosen.rank), file or "not cut", clock(chosen.moment.peak_seconds), f"{chosen.moment.score:.2f}"]
        if several:
            row.append(selection.tables[chosen.moment.video].table.video.path.name)
        span = f"{clock(chosen.start_seconds)} – {clock(chosen.end_seconds)}"
        table.add_row(*row, parts(chosen.moment.components), span)
    return table


def finishing(selection: Selection) -> Iterator[str]:
    """Of each clip what finishing steps did, where they did something."""
    for chosen in selection.chosen:
        if chosen.notes:
            yield f"clip {chosen.rank}: {'; '.join(reason for _, reason in chosen.notes)}"


def takes(selection: Selection) -> Iterator[str]:
    """Of several videos: how each did, best first, and by what the best one leads."""
    if len(selection.tables) < 2:
        return
    names = distinct_names([table.table.video.path for table in selection.tables])
    counts = [sum(one.moment.video == place for one in selection.chosen) for place in range(len(names))]
    means = [float(table.scores.mean()) for table in selection.tables]
    order = sorted(range(len(names)), key=lambda place: -means[place])
    for place in order:
        yield f"{names[place]}: {means[place]:.2f} on average, {counts[place]} of the {len(selection.chosen)} clips"
    best, second = selection.tables[order[0]], selection.tables[order[1]]
    lead = leads(best, second)
    yield f"Best take: {names[order[0]]}{', by its ' + lead if lead else ''}"


def leads(best: ScoreTable, second: ScoreTable) -> str:
    """The component by which one video is most ahead of the other, on average; empty: by none."""
    ahead = {
        name: float(values.mean() - second.components[name].mean()) * (-1 if name in AGAINST else 1)
        for name, values in best.components.items()
    }
    name = max(ahead, key=lambda one: ahead[one], default="")
    return f"{name} ({ahead[name]:+.2f})" if name and ahead[name] > 0.005 else ""


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """Each path's name, with its folder where two are the same."""
    names = [path.name for path in paths]
    return [name if names.count(name) == 1 else str(path) for name, path in zip(names, paths, strict=True)]


def parts(components: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {'−' if name in AGAINST else ''}{value:.2f}" for name, value in components.items())


def clock(seconds: float) -> str:
    """1:02:03.4; without hours where there are none."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest / 10:04.1f}" if hours else f"{minutes}:{rest / 10:04.1f}"
