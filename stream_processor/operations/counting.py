"""What a channel counts, over all its broadcasts in this process: numbers that never go down, as Prometheus wants them.

Each broadcast has a status of its own that begins at 0. One that follows another takes over what that had come to; since both
are in one object, whoever reads from another thread sees the old sum or the new one, and never less.
"""

from collections.abc import Mapping
from typing import Any

from stream_processor.status import CLIP_OUTCOMES, ChannelStatus

Counted = tuple[str, str]
"""What is counted, and by which label: ("clips", "written"), ("frames", "")."""


def follow(status: ChannelStatus, before: ChannelStatus) -> None:
    """``status`` is of the broadcast after ``before``'s, which is over."""
    if before is not status:
        status.earlier = totals(before)


def totals(status: ChannelStatus) -> dict[Counted, float]:
    """What the process has counted on this channel so far."""
    here = _counts(status)
    return {counted: here.get(counted, 0) + status.earlier.get(counted, 0) for counted in {**status.earlier, **here}}


def _counts(status: ChannelStatus) -> dict[Counted, float]:
    """Of this broadcast alone."""
    counts: dict[Counted, float] = {
        ("broadcasts", ""): int(status.epochs > 0),
        ("stream_seconds", ""): status.stream_seconds,
        ("frames", ""): status.frames,
        ("frames_decoded", ""): status.frames_decoded,
        ("frames_skipped", ""): status.frames_skipped,
        ("frames_analysed", ""): status.frames_analysed,
        ("frames_late", ""): status.frames_late,
        ("frames_dropped", ""): status.frames_dropped,
        ("packets_lost", ""): status.packets_dropped,
        ("decode_errors", ""): status.decode_errors,
        ("panes_scored", ""): status.scored,
        ("windows", ""): status.windows,
        ("highlights", ""): status.highlights_opened,
        ("epochs", ""): status.epochs,
        ("decision_failures", ""): status.decision_failures,
        ("restarts", ""): status.restarts,
        **{("clips", outcome): status.outcomes[outcome] for outcome in CLIP_OUTCOMES},
    }
    by_label: dict[str, Mapping[str, Any]] = {
        "reconnects": status.reconnects_by_reason,
        "scoring_seconds": status.scoring_seconds,
        "scorer_errors": status.scorer_errors,
        "scorer_restarts": status.scorer_restarts,
        "step_failures": status.step_failures,
    }
    for name, numbers in by_label.items():
        counts.update({(name, label): number for label, number in numbers.items()})  # replaced as a whole, never changed
    return counts
