"""What becomes of a closed highlight, for the pipeline, and as it is counted."""

from dataclasses import dataclass
from typing import Literal

from stream_processor.records import Clip
from stream_processor.status import ClipOutcome

Loss = Literal["disk", "ring", "impossible", "failed"]
"""What a clip was lost by: a disk that refused it, a ring that no longer held it, nothing that can hold it, a bug in a cutter."""


_LOST: dict[Loss, ClipOutcome] = {
    "disk": "lost_disk",
    "ring": "lost_ring",
    "impossible": "lost_impossible",
    "failed": "lost_failed",
}


@dataclass(frozen=True)
class Overdue:
    """Nobody has said where this highlight's clip ends, though its packets have come long ago."""

    highlight_id: str


@dataclass(frozen=True)
class Outcome:
    """What became of a closed highlight: its clip, and why there is none or what it lacks."""

    highlight_id: str
    clip: Clip | None
    reason: str | None
    loss: Loss = "disk"
    """Says nothing where there is a clip."""
    is_wanted: bool = True
    """False: no clip was to be made of it; nothing was lost."""

    @property
    def kind(self) -> ClipOutcome:
        """As it is counted."""
        if not self.is_wanted:
            return "not_kept"
        if self.clip is not None:
            return "written" if self.reason is None else "incomplete"
        return _LOST[self.loss]
