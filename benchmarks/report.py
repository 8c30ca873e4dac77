"""What a benchmark hands back: tables for people (Markdown) and all of it for programs (JSON)."""

import math
import os
import platform
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("av", "numpy", "opencv-python-headless", "torch", "open_clip_torch", "openvino", "onnxruntime", "scenedetect")
"""What the figures depend on. Their versions are read without importing them."""


class Skipped(Exception):
    """This benchmark cannot run here. One line says why."""


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class RunSettings:
    """``quick``: short and rough. ``device``: auto, cpu or cuda[:N]. ``say``: a line of progress."""

    quick: bool = False
    device: str = "auto"
    say: Callable[[str], None] = _say


@dataclass(frozen=True)
class Spread:
    """Repeated measurements of one thing, or ratios pair by pair: the median, and from where to where they lay."""

    median: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """ValueError: no values."""
        if not values:
            raise ValueError("nothing was measured")
        return cls(statistics.median(values), min(values), max(values), len(values))


Cell = str | int | float | Spread | None


@dataclass(frozen=True)
class Table:
    """``columns`` name their units. Each row has a cell for each column."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: a row of {len(row)} cells under {len(self.columns)} columns: {row}")


@dataclass(frozen=True)
class Report:
    """``raw`` goes into JSON alone: the samples that the tables were made of."""

    title: str
    tables: Sequence[Table]
    notes: Sequence[str] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)


# ---- for people ------------------------------------------------------------------------------------------------------


def markdown(report: Report) -> str:
    """Headings, tables and notes, without the machine: that is said once for all benchmarks."""
    parts = [f"## {report.title}"]
    for table in report.tables:
        rows = [_row([cell(each) for each in row]) for row in table.rows]
        lines = [_row(table.columns), "|" + "---|" * len(table.columns), *rows]
        parts += [f"**{table.title}**", "\n".join(lines)]
    if report.notes:
        parts.append("\n".join(f"- {note}" for note in report.notes))
    return "\n\n".join(parts) + "\n"


def cell(value: Cell) -> str:
    """As it stands in a table: three significant digits, or all before the point; a spread as ``1.23 (1.20–1.31)``."""
    if value is None:
        return "–"
    if isinstance(value, Spread):
        if value.count == 1:
            return cell(value.median)
        return f"{cell(value.median)} ({cell(value.least)}–{cell(value.most)})"
    if isinstance(value, float):
        return _significant(value)
    return str(value).replace("|", "\\|")


def _significant(value: float) -> str:
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = 2 - math.floor(math.log10(abs(value)))
    return f"{value:.{min(max(decimals, 0), 9)}f}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


# ---- for programs ----------------------------------------------------------------------------------------------------


def as_json(report: Report) -> dict[str, Any]:
    """What ``json.dump`` takes. A spread becomes an object with its four fields."""
    return {
        "title": report.title,
        "tables": [
            {"title": table.title, "columns": list(table.columns), "rows": [[_plain(each) for each in row] for row in table.rows]}
            for table in report.tables
        ],
        "notes": list(report.notes),
        "raw": dict(report.raw),
    }


def _plain(value: Cell) -> Any:
    return vars(value) if isinstance(value, Spread) else value


def machine() -> dict[str, Any]:
    """What the figures were measured on. No names of people, hosts or folders."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_mb": _memory_mb(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
    }


def machine_line(facts: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    memory = f"{facts['memory_mb'] / 1024:.0f} GB, " if facts["memory_mb"] else ""
    return f"{facts['processor']}, {facts['cores']} cores, {memory}{facts['system']}, Python {facts['python']}; {versions}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory_mb() -> int | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
