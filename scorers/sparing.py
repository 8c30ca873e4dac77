"""Ways for a scorer to do with less memory: fewer things at once, and fewer pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stream_processor.contracts import Memory
from stream_processor.records import Pane, Pictures, Samples, replace

LEAST_FPS = 1.0
"""Pictures a second. With fewer, none would be near enough to one second before another (``scorers.delta``)."""


def halve(holder: Any, attribute: str, what: str) -> str | None:
    """Halve the whole number in that attribute, and say so; None where it is 1 already."""
    half = getattr(holder, attribute) // 2
    if half < 1:
        return None
    setattr(holder, attribute, half)
    return f"at most {half} {what} at once"


@dataclass
class Counted:
    """``pictures``: how many this epoch had so far. ``inner``: what the scorer itself remembers."""

    pictures: int
    inner: Memory


class FewerPictures:
    """A scorer of pictures that may be shown only every second, fourth, … of them. They are counted through the whole epoch.

    ``scorer`` says with ``picture_fps`` how many a second there are.
    """

    def __init__(self, scorer: Any) -> None:
        self.scorer = scorer
        self.signal: str = scorer.signal
        self.picture_size: int = scorer.picture_size
        self.picture_fps: float = scorer.picture_fps
        self.keeps: str = getattr(scorer, "keeps", "sum")
        self.every = 1

    def take_fewer(self) -> str | None:
        """Half as many from now on, in words; None: they would be too few."""
        if self.picture_fps / (2 * self.every) < LEAST_FPS:
            return None
        self.every *= 2
        return f"{self.picture_fps / self.every:g} pictures a second"

    def start(self) -> Counted:
        return Counted(0, self.scorer.start())

    def score(self, batch: Sequence[tuple[Counted, Pane]]) -> Sequence[Samples]:
        samples: Sequence[Samples] = self.scorer.score([(memory.inner, self._thinned(memory, pane)) for memory, pane in batch])
        return samples

    def _thinned(self, memory: Counted, pane: Pane) -> Pane:
        if pane.pictures is None:
            return pane
        first = -memory.pictures % self.every
        memory.pictures += len(pane.pictures.times)
        if self.every == 1:
            return pane
        kept = Pictures(pane.pictures.times[first :: self.every], pane.pictures.rgb[first :: self.every])
        return replace(pane, pictures=kept)
