"""Detection as the pipeline uses it: what a normaliser or detector does wrong costs the moment at hand, never the stream.

    windows     ▁▂▂▁▃▇▇ ✗ ▁▂▁▂▁▁▂
    highlight        ███│           closed with what was decided so far
    detection   ────────┤├───────   begun anew, from the windows that it had kept as a baseline

Both may come from outside. One that has raised may be half changed, so it is not asked again: another is made. Decisions that
make no sense (a highlight that closes twice, one of another epoch, one that is left open for ever) count as if it had raised.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import structlog

from stream_processor.deciding.detection import Detection, Step
from stream_processor.records import Change, Highlight, ScoredWindow, Window
from stream_processor.redact import redact

log = structlog.get_logger()

MakeDetection = Callable[[Sequence[Window]], Detection]
"""From the baseline that it starts with; nothing: it warms up."""

_REMIND_EVERY = 100
"""Failures between two lines in the log."""
_EPOCHS_KNOWN = 64
_IDS_KNOWN = 256


class Judging:
    """``make`` is called at once, and again after each failure; what it raises without a baseline ends the channel.

    ``longest_seconds``: no highlight may be open for longer. ``failures`` counts what went wrong.
    """

    def __init__(
        self,
        make: MakeDetection,
        baseline: Sequence[Window] = (),
        *,
        channel: str = "",
        longest_seconds: float = math.inf,
    ) -> None:
        self._make = make
        self._channel = channel
        self._longest_seconds = longest_seconds
        self._open: dict[str, Highlight] = {}
        self._ended: deque[str] = deque(maxlen=_IDS_KNOWN)
        self._epochs: deque[int] = deque(maxlen=_EPOCHS_KNOWN)
        self.failures = 0
        self._detection = self._made(baseline)

    @property
    def warmup_left_seconds(self) -> float:
        return self._detection.warmup_left_seconds

    def push(self, window: Window) -> Step:
        if window.epoch not in self._epochs:
            self._epochs.append(window.epoch)
        return self._guarded(lambda: self._detection.push(window), window)

    def end_epoch(self) -> Step:
        return self._guarded(self._detection.end_epoch, None)

    def finish(self) -> Step:
        return self._guarded(self._detection.finish, None)

    def kept(self) -> Sequence[Window]:
        return self._detection.kept()

    def _guarded(self, decide: Callable[[], Step], newest: Window | None) -> Step:
        """``newest``: what may still be open belongs to it; None: nothing may."""
        try:
            step = decide()
            now_open = self._followed(step)
            self._check_left_open(now_open.values(), newest)
        except (Exception, SystemExit) as error:  # it may come from outside, and may fail in any way
            return self._begin_anew(error)
        self._ended += (change.highlight.id for change in step.changes if change.type == "close")
        self._open = now_open
        return step

    def _followed(self, step: Step) -> dict[str, Highlight]:
        """What is open after it. ValueError, TypeError: it makes no sense."""
        now_open, ended = dict(self._open), set(self._ended)
        if not all(isinstance(scored, ScoredWindow) for scored in step.scored):
            raise TypeError("what was decided are no ScoredWindows")
        for change in step.changes:
            highlight, known = change.highlight, now_open.get(change.highlight.id)
            if (change.type == "open") is (known is not None) or highlight.id in ended:
                raise ValueError(f"highlight {highlight.id}: {change.type!r} when it is {'open' if known else 'not open'}")
            if highlight.epoch not in self._epochs or (known is not None and known.epoch != highlight.epoch):
                raise ValueError(f"highlight {highlight.id}: in epoch {highlight.epoch}")
            now_open[highlight.id] = highlight
            if change.type == "close":
                del now_open[highlight.id]
                ended.add(highlight.id)
        return now_open

    def _check_left_open(self, highlights: Iterable[Highlight], newest: Window | None) -> None:
        """ValueError: its spool would grow for ever, and its clip would never come."""
        for highlight in highlights:
            if newest is None or highlight.epoch != newest.epoch:
                raise ValueError(f"highlight {highlight.id}: still open when its epoch is over")
            if newest.end_seconds - highlight.start_seconds > self._longest_seconds:
                raise ValueError(f"highlight {highlight.id}: still open after {self._longest_seconds:g} s")

    def _begin_anew(self, error: BaseException) -> Step:
        self.failures += 1
        if self.failures % _REMIND_EVERY == 1:
            reason = redact(f"{type(error).__name__}: {' '.join(str(error).split())}")
            words = "the normaliser or the detector failed: what was open is closed, and deciding begins anew"
            log.error(words, channel=self._channel, reason=reason, failures=self.failures, exc_info=error)
        closed = [Change("close", highlight) for highlight in self._open.values()]
        self._ended += self._open
        self._open = {}
        self._detection = self._made(self._detection.kept())
        return Step((), closed)

    def _made(self, baseline: Sequence[Window]) -> Detection:
        try:
            return self._make(baseline)
        except Exception as error:
            if not baseline:
                raise
            log.warning("deciding begins without a baseline", channel=self._channel, reason=redact(str(error)))
            return self._make(())
