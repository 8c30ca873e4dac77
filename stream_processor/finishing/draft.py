"""What finishing steps pass on: a closed highlight, the clip that is to be made of it, and why it is so. Pure.

::

    highlight          ├──────────┤                  the detector's, never changed by a step
    clip as planned  ├───────────────┤               start_seconds, end_seconds: what steps move
"""

from dataclasses import dataclass, field
from typing import Literal

from stream_processor.records import Highlight, replace

Boundary = Literal["start", "end"]


@dataclass(frozen=True, slots=True)
class Note:
    """What one step did or found, as one short line for people. ``moved``: which boundaries of the clip it moved."""

    step: str
    reason: str
    moved: tuple[Boundary, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """A highlight on its way to its clip. ``start_seconds`` and ``end_seconds`` are the clip's, in stream time.

    ``keep`` False: no file is kept, and the last note says why. ``repeat_of``: the id of an earlier highlight that this one
    looks and sounds like.
    """

    highlight: Highlight
    start_seconds: float
    end_seconds: float
    keep: bool = True
    repeat_of: str | None = None
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        if not self.start_seconds < self.end_seconds:
            raise ValueError(f"clip from {self.start_seconds} to {self.end_seconds}")

    @property
    def duration_seconds(self) -> float:
        return self.end_seconds - self.start_seconds

    def moved(self, step: str, reason: str, *, start_seconds: float | None = None, end_seconds: float | None = None) -> "Draft":
        """With other boundaries. ValueError: nothing would be left between them."""
        moved: list[Boundary] = []
        if start_seconds not in (None, self.start_seconds):
            moved.append("start")
        if end_seconds not in (None, self.end_seconds):
            moved.append("end")
        return replace(
            self,
            start_seconds=self.start_seconds if start_seconds is None else start_seconds,
            end_seconds=self.end_seconds if end_seconds is None else end_seconds,
            notes=(*self.notes, Note(step, reason, tuple(moved))),
        )

    def noted(self, step: str, reason: str) -> "Draft":
        return replace(self, notes=(*self.notes, Note(step, reason)))

    def dropped(self, step: str, reason: str) -> "Draft":
        """Not to be kept as a file."""
        return replace(self, keep=False, notes=(*self.notes, Note(step, reason)))
