"""What a rendition's playlist says comes next: streamlink's worker, driven by hand and kept within bounds."""

import math
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import structlog
from streamlink.exceptions import StreamError

from stream_processor.errors import SourceError
from stream_processor.sources.streams.session import EXPIRED, http_status, loss_reason, reason

Key = tuple[str, int | None, int | None]
"""What tells a segment from others across reconnects: path without query (tokens change), byte range."""

MOST_TARGET_SECONDS = 60.0
"""However long a playlist says that its segments are. So often it is read at least."""
_LEAST_RELOAD_SECONDS = 0.05
_UNKNOWN_SECONDS = 5.0


class Playlist:
    """Reads it again and again, each time once: what failed is tried again with the next reload.

    ``after``: where the playlist still has that segment, it begins behind it (``goes_on``), else where streamlink would, which
    is the live edge or a recording's beginning.
    """

    def __init__(self, worker: Any, name: str, after: Key | None) -> None:
        self.goes_on = False
        self._worker = worker
        self._name = name
        self._after = after
        self._failures = 0  # in a row
        self._began = False
        worker.reload_attempts = 0
        # It goes by the wall clock; silence is noticed by Parts, on the monotonic one.
        worker._queue_deadline_factor = 0.0  # noqa: SLF001
        worker.reload = self._reload  # what iter_segments calls

    @property
    def is_finished(self) -> bool:
        return self._worker.playlist_end is not None

    @property
    def target_seconds(self) -> float:
        return float(self._worker.playlist_targetduration)

    @property
    def duration_seconds(self) -> float | None:
        """Of all segments; None where it is live, or where the sum cannot be true."""
        seconds = sum(each.duration for each in self._worker.playlist_segments)
        return seconds if self.is_finished and math.isfinite(seconds) else None

    @property
    def has_ended(self) -> bool:
        """All of it was given out, or as much as streamlink was told to."""
        worker = self._worker
        return self.is_finished or worker.duration >= worker.duration_limit > 0

    def segments(self) -> Iterator[Any]:
        """What is to be delivered, in order, as it appears: what streamlink's worker does in its own thread.

        SourceError: the address has expired, or what it gives is no playlist, or another stream's.
        """
        worker, before = self._worker, None
        coming = worker.iter_segments()
        segment = next(coming, None)
        while segment is not None:
            worker.sequence = segment.num + 1
            worker.duration += segment.duration
            again = (segment.uri, segment.byterange)
            if again != before or segment.discontinuity:  # else the playlist repeats itself
                yield segment
            before = again
            if worker.closed or worker.duration >= worker.duration_limit > 0:
                return
            try:
                segment = coming.send(True)
            except StopIteration:
                return

    def stop(self) -> None:
        self._worker.close()

    def _reload(self) -> None:
        worker = self._worker
        try:
            type(worker).reload(worker)
        except StreamError as error:
            self._failed(error)
        except Exception as error:  # a text can make streamlink's parser raise anything
            what = f"not a playlist that can be read ({type(error).__name__})"
            raise SourceError(f"{self._name}: {what}", reason="damaged") from error
        else:
            self._succeeded()

    def _failed(self, error: StreamError) -> None:
        if http_status(error) in EXPIRED:
            raise SourceError(f"{self._name}: {reason(error)} for the playlist, its address has expired", reason="token")
        if not self._began:
            raise SourceError(f"{self._name}: the playlist cannot be read ({reason(error)})", reason=loss_reason(error))
        self._failures += 1
        if self._failures == 1:
            structlog.get_logger(__name__).warning("the playlist cannot be read", stream=self._name, reason=reason(error))
        self._keep_bounds()

    def _succeeded(self) -> None:
        worker = self._worker
        if self._failures > 1:
            structlog.get_logger(__name__).info("the playlist is read again", stream=self._name, failures=self._failures)
        self._failures = 0
        self._keep_bounds()
        segments = worker.playlist_segments
        if not segments:
            return
        if not self._began:
            self._began = True
            self._go_on(segments)
        elif segments[-1].num + 1 + len(segments) < worker.sequence and not self.is_finished:
            # A server behind another may be a few segments late; this one is further back than all it shows.
            raise SourceError(f"{self._name}: the server has begun anew", reason="reset")

    def _go_on(self, segments: list[Any]) -> None:
        last = next((each for each in reversed(segments) if key_of(each) == self._after), None)
        if last is not None:
            self.goes_on = True
            self._worker.sequence = last.num + 1
            self._worker.duration_offset_start = 0.0  # was gone by already

    def _keep_bounds(self) -> None:
        worker = self._worker
        worker.playlist_targetduration = _bounded(worker.playlist_targetduration, 0.0)
        worker._reload_time = _bounded(worker._reload_time, _LEAST_RELOAD_SECONDS)  # noqa: SLF001


def key_of(segment: Any) -> Key:
    """The path holds the segment's name with every server known; a byte range tells apart what shares a file."""
    span = segment.byterange
    return urlsplit(segment.uri).path, span.range if span else None, span.offset if span else None


def _bounded(seconds: float, least: float) -> float:
    return min(max(seconds, least), MOST_TARGET_SECONDS) if math.isfinite(seconds) else _UNKNOWN_SECONDS
