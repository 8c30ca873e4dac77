"""Which clips go, so that what is kept stays within its bounds. Pure: the time is given, nothing is removed here.

    max_days    everything written longer ago than that goes
    max_gb      then the oldest day (UTC) goes first, and of one day the lowest score, until the rest fits

Nothing that was written within the last minute goes, nor what somebody is still busy with: for so long a bound may be exceeded.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

_YOUNG_SECONDS = 60.0
_DAY_SECONDS = 86400.0
_NO_CLOCK_BEFORE = 1_577_836_800.0
"""2020: a machine without a clock of its own begins in 1970, and what it writes then is not old."""


@dataclass(frozen=True, slots=True)
class KeptClip:
    """A clip with all that goes with it. ``written_at``: UTC, in seconds since 1970, of its sidecar, which comes last."""

    id: str
    sidecar: Path
    others: tuple[Path, ...]
    """The clip and its picture."""
    score: float
    written_at: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Choice:
    """``old``: over the age. ``excess``: over the size. ``left_bytes``: what then remains."""

    old: Sequence[KeptClip]
    excess: Sequence[KeptClip]
    left_bytes: int


def choose(
    clips: Sequence[KeptClip],
    *,
    now: float,
    max_seconds: float | None,
    max_bytes: int | None,
    busy: Collection[str] = (),
) -> Choice:
    """``now``: UTC in seconds since 1970; None: no such bound. ``busy``: ids of highlights that are not finished."""
    free = [clip for clip in clips if clip.id not in busy and not 0 <= now - clip.written_at < _YOUNG_SECONDS]
    old = [] if max_seconds is None else [clip for clip in free if _is_older(clip, now - max_seconds)]
    left_bytes = sum(clip.size_bytes for clip in clips) - sum(clip.size_bytes for clip in old)
    excess = []
    if max_bytes is not None and left_bytes > max_bytes:
        gone = {clip.sidecar for clip in old}
        for clip in sorted((clip for clip in free if clip.sidecar not in gone), key=_first_to_go):
            if left_bytes <= max_bytes:
                break
            excess.append(clip)
            left_bytes -= clip.size_bytes
    return Choice(old, excess, left_bytes)


def _is_older(clip: KeptClip, than: float) -> bool:
    return _NO_CLOCK_BEFORE <= clip.written_at < than


def _first_to_go(clip: KeptClip) -> tuple[float, float, float, Path]:
    return (clip.written_at // _DAY_SECONDS, clip.score, clip.written_at, clip.sidecar)
