"""What is another now than it was recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stream_processor.clipping.sidecar import why
from stream_processor.records import Highlight

Kind = Literal["same", "rescored", "moved", "added", "gone"]


@dataclass(frozen=True)
class Difference:
    """``moved``: it overlaps the recorded one, and its interval is another; ``rescored``: score, threshold, peak or id is."""

    change: Kind
    recorded: Highlight | None
    replayed: Highlight | None


def compare(recorded: Sequence[Highlight], replayed: Sequence[Highlight]) -> list[Difference]:
    """Each recorded highlight with the replayed one that it overlaps most, and what is left of both, by time."""
    left = list(replayed)
    differences: list[Difference] = []
    for old in recorded:
        new = max(left, key=lambda candidate: _overlap_seconds(old, candidate), default=None)
        if new is None or _overlap_seconds(old, new) <= 0:
            differences.append(Difference("gone", old, None))
            continue
        left.remove(new)
        differences.append(Difference(_change(old, new), old, new))
    differences += [Difference("added", None, new) for new in left]
    return sorted(differences, key=lambda one: (one.replayed or one.recorded or replayed[0]).start_seconds)


def _change(old: Highlight, new: Highlight) -> Kind:
    if told(old) == told(new):
        return "same"
    stays = (old.start_seconds, old.end_seconds) == (new.start_seconds, new.end_seconds)
    return "rescored" if stays else "moved"


def told(highlight: Highlight) -> dict[str, Any]:
    """A highlight for ``--json``, under the names of a sidecar."""
    return {
        "id": highlight.id,
        "start_time": highlight.start_seconds,
        "end_time": highlight.end_seconds,
        "duration": highlight.duration_seconds,
        "peak_time": highlight.peak_seconds,
        "score": highlight.score,
        "threshold": highlight.threshold,
        "components": dict(highlight.components),
        "reason": why(highlight),
    }


def _overlap_seconds(one: Highlight, other: Highlight) -> float:
    if one.epoch != other.epoch:
        return 0.0
    return min(one.end_seconds, other.end_seconds) - max(one.start_seconds, other.start_seconds)
