"""A page as one HTML file that needs nothing else: no script, no font, no picture from outside.

Titles and names come from strangers: everything is escaped by the template engine, and the page's own policy forbids the rest.
"""

import math
from collections.abc import Mapping
from importlib import resources
from typing import Any
from urllib.parse import quote

import jinja2

from stream_processor.reporting.drawing import HEIGHT, WIDTH, clock, rows
from stream_processor.reporting.page import Moment, Page

_TEMPLATE = "report.html.jinja"


def render(page: Page, films: str = "") -> str:
    """The whole file's text. ``films``: the URL, relative to the page or absolute, below which its films lie."""
    template = resources.files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"clock": clock, "number": _number, "unusual": _unusual}
    environment.filters["link"] = lambda path: films + quote(path, errors="replace")
    drawn = [(curve, rows(curve)) for curve in page.curves]
    return environment.from_string(template).render(page=page, drawn=drawn, width=WIDTH, height=HEIGHT, bars=_bars)


def _bars(moment: Moment) -> list[Mapping[str, Any]]:
    """A signal a row, the most unusual first; ``share`` 0 to 1 of the longest bar, by how unusual it was or else by its value."""
    sizes = {name: value if unusual is None else unusual for name, (value, unusual) in moment.signals.items()}
    longest = max((abs(size) for size in sizes.values()), default=0.0) or 1.0
    return [
        {
            "name": name,
            "value": moment.signals[name][0],
            "unusual": moment.signals[name][1],
            "share": round(min(max(size, 0.0) / longest, 1.0), 3),
        }
        for name, size in sorted(sizes.items(), key=lambda item: -item[1])
    ]


def _number(value: float) -> str:
    """Three digits that count."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _unusual(value: float) -> str:
    return f"{round(value, 1) + 0.0:+.1f}"  # never -0.0
