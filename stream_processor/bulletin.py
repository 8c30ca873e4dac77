"""What people see of a channel as its run goes on: its status, kept up to date, and the passing events that nobody keeps."""

import math
from collections.abc import Callable

from stream_processor.clipping.sidecar import number
from stream_processor.deciding.detection import is_standby
from stream_processor.delivering.outbox import Outbox
from stream_processor.intake import EpochNotice, StateNotice
from stream_processor.records import Event, PaneScore, ScoredWindow, Window
from stream_processor.status import ChannelStatus, Point


class Bulletin:
    """``tell`` gets each passing event, and so does the outbox, whose sinks may miss some. Used in the event loop."""

    def __init__(self, status: ChannelStatus, outbox: Outbox, tell: Callable[[Event], None]) -> None:
        self._status = status
        self._outbox = outbox
        self._tell = tell
        self.best: ScoredWindow | None = None
        """The decided window that came nearest to its threshold, or rose furthest above it."""

    def epoch(self, notice: EpochNotice) -> None:
        self._status.epochs += 1
        self._status.total_seconds = notice.total_seconds

    def pane(self, pane: PaneScore) -> None:
        self._status.scorers.update(pane.fallen)
        self._status.panes += 1
        self._status.stream_seconds = pane.start_seconds + pane.duration_seconds

    def decided(self, scored: ScoredWindow) -> None:
        window = scored.window
        self._status.values, self._status.deviations = dict(window.values), dict(scored.deviations)
        self._status.curve.append(Point(window.start_seconds, scored.score, scored.threshold))
        is_judged = not math.isnan(scored.threshold)  # waiting screens are not, nor the very first windows without a past
        if not is_judged and is_standby(window):
            self._standing_by(window)
        if is_judged and (self.best is None or scored.score - scored.threshold > self.best.score - self.best.threshold):
            self.best = scored
        payload = {
            "start_time": window.start_seconds,
            "end_time": window.end_seconds,
            "score": number(scored.score),
            "threshold": number(scored.threshold),
            "signals": dict(window.values),
        }
        self._news(Event("window", self._status.channel, payload))

    def state(self, notice: StateNotice) -> None:
        if (self._status.state, self._status.detail) == (notice.state, notice.detail):
            return
        self._status.state, self._status.detail = notice.state, notice.detail
        announced = notice.state if notice.state in ("live", "ended") else "reconnecting"
        self._news(Event("state", self._status.channel, {"state": announced, "detail": notice.detail}))

    def end(self) -> None:
        """Where the way broke off before the source's own last word: whoever looks must not go on reading "live"."""
        if self._status.state != "ended":
            self.state(StateNotice("ended", self._status.detail))

    def _standing_by(self, window: Window) -> None:
        since_seconds = max(window.start_seconds, self._status.standby_until_seconds)  # windows overlap
        self._status.standby_seconds += max(window.end_seconds - since_seconds, 0.0)
        self._status.standby_until_seconds = window.end_seconds

    def _news(self, event: Event) -> None:
        self._outbox.offer(event)
        self._tell(event)
