"""What a report shows, whether of a run or of ``main best``: plain values, ready to be drawn. Times are seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Point(NamedTuple):
    """``score`` and ``threshold`` NaN: not known at that time."""

    seconds: float
    score: float
    threshold: float


@dataclass(frozen=True)
class Moment:
    """A clip, or a highlight that has none. ``number`` is what the curve calls it.

    ``picture`` is a data URI, ``film`` the file's path below the output folder; None where there is no such file. ``signals``:
    name -> what was measured, in the signal's own unit, and how unusual that was (None: not known). ``notes``: (what did it,
    what it did).
    """

    number: int
    start_seconds: float
    end_seconds: float
    peak_seconds: float
    score: float
    threshold: float | None
    reason: str
    signals: Mapping[str, tuple[float, float | None]]
    notes: Sequence[tuple[str, str]] = ()
    picture: str | None = None
    film: str | None = None
    clip: str = ""
    """The file in words (length, size, codec), or why there is none."""
    is_kept: bool = True


@dataclass(frozen=True)
class NearMiss:
    """A moment that nearly was one, and why it was not taken."""

    start_seconds: float
    end_seconds: float
    peak_seconds: float
    score: float
    threshold: float | None
    reason: str


@dataclass(frozen=True)
class Curve:
    """The score over one recording or run. ``pieces``: unbroken stretches, each rising in time. ``title``: of which one."""

    title: str
    duration_seconds: float
    pieces: Sequence[Sequence[Point]]
    moments: Sequence[Moment]
    near_misses: Sequence[NearMiss]
    closed: Sequence[tuple[float, float]] = ()
    """From where to where nothing could be taken: a waiting screen was shown."""


@dataclass(frozen=True)
class Page:
    """``facts``: (name, value) for the head of the page, ``notes`` what the reader should know, ``others`` what else there is."""

    title: str
    subtitle: str
    facts: Sequence[tuple[str, str]]
    curves: Sequence[Curve]
    notes: Sequence[str] = ()
    others: Sequence[str] = ()
