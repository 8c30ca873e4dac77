"""How good highlights are: F1 by overlap, length, cover of what was planted, and delay of the alert."""

from collections.abc import Sequence
from dataclasses import dataclass

from stream_processor.records import Highlight

Interval = tuple[float, float]
"""Start and end in stream seconds."""


@dataclass(frozen=True)
class Found:
    """``delays_seconds``: from a highlight's start to the end of the last window that opening it needed, once warm."""

    highlights: Sequence[Interval]
    delays_seconds: Sequence[float] = ()


@dataclass(frozen=True)
class Quality:
    """Sums over one or more streams. A highlight is found if it overlaps a planted interval, false if it overlaps none."""

    planted: int = 0
    planted_found: int = 0
    highlights: int = 0
    highlights_true: int = 0
    planted_seconds: float = 0.0
    highlight_seconds: float = 0.0
    longest_seconds: float = 0.0
    covers: tuple[float, ...] = ()
    delays_seconds: tuple[float, ...] = ()

    @property
    def f1(self) -> float:
        precision = self.highlights_true / self.highlights if self.highlights else 0.0
        recall = self.planted_found / self.planted if self.planted else 0.0
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

    @property
    def cover(self) -> float:
        """Mean share of a planted interval that highlights cover."""
        return sum(self.covers) / len(self.covers) if self.covers else 0.0

    @property
    def total(self) -> float:
        """Seconds of highlights for each second planted."""
        return self.highlight_seconds / self.planted_seconds if self.planted_seconds else 0.0

    def __add__(self, other: "Quality") -> "Quality":
        return Quality(
            self.planted + other.planted,
            self.planted_found + other.planted_found,
            self.highlights + other.highlights,
            self.highlights_true + other.highlights_true,
            self.planted_seconds + other.planted_seconds,
            self.highlight_seconds + other.highlight_seconds,
            max(self.longest_seconds, other.longest_seconds),
            self.covers + other.covers,
            self.delays_seconds + other.delays_seconds,
        )


def quality(found: Found, planted: Sequence[Interval]) -> Quality:
    lengths = [end - start for start, end in found.highlights]
    return Quality(
        planted=len(planted),
        planted_found=sum(any(_shared(truth, each) > 0 for each in found.highlights) for truth in planted),
        highlights=len(found.highlights),
        highlights_true=sum(any(_shared(truth, each) > 0 for truth in planted) for each in found.highlights),
        planted_seconds=sum(end - start for start, end in planted),
        highlight_seconds=sum(lengths),
        longest_seconds=max(lengths, default=0.0),
        covers=tuple(sum(_shared(truth, each) for each in found.highlights) / (truth[1] - truth[0]) for truth in planted),
        delays_seconds=tuple(found.delays_seconds),
    )


def interval(highlight: Highlight) -> Interval:
    return highlight.start_seconds, highlight.end_seconds


def _shared(a: Interval, b: Interval) -> float:
    return max(min(a[1], b[1]) - max(a[0], b[0]), 0.0)
