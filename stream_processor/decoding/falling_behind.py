"""Says once that a channel's analysis cannot keep up with its stream, and once that it can again.

dropped   0 0 0 4 9 9 9 14 14 … 14 14
said            │ behind          │ keeps up again: ``CALM_SECONDS`` after the last one
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from stream_processor.status import ChannelStatus

CALM_SECONDS = 60.0
"""Without anything dropped for so long, a channel counts as keeping up: overload comes in waves, its log lines should not."""

log = structlog.get_logger(__name__)


@dataclass
class _Seen:
    dropped: int = 0
    began_with: int | None = None
    """How many were dropped before it fell behind; None: it keeps up."""
    dropped_at: float = 0.0


class FallingBehind:
    """``look`` at every beat of the event loop. ``now``: monotonic seconds."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def look(self, channels: Sequence[ChannelStatus], now: float) -> None:
        for status in channels:
            seen = self._seen.setdefault(status.channel, _Seen())
            before, seen.dropped = seen.dropped, status.frames_dropped
            if status.frames_dropped < before:  # the next broadcast counts anew
                before, seen.began_with = 0, None if seen.began_with is None else 0
            if status.frames_dropped > before:
                seen.dropped_at = now
                if seen.began_with is None:
                    seen.began_with = before
                    words = "analysis cannot keep up: part of the stream is not judged, clips have it all the same"
                    log.warning(words, channel=status.channel, lag_seconds=round(status.lag_seconds, 1))
            elif seen.began_with is not None and now - seen.dropped_at >= CALM_SECONDS:
                left_out, seen.began_with = status.frames_dropped - seen.began_with, None
                log.info("analysis keeps up again", channel=status.channel, packets_not_judged=left_out)
