"""What the event loop does at each beat: systemd is pinged while all moves, and told what does not.

::

    beat      1 2 3 4 5 6 …         watchdog of 8 s: a ping every 4 s
    scored    ─┴─┴─┴─┘              ...until a channel hangs
"""

import logging

import pytest
import structlog

from stream_processor.operations.health import Health
from stream_processor.operations.heartbeat import Heartbeat, sentence
from stream_processor.operations.notify import Notifier
from stream_processor.settings import HealthSettings
from stream_processor.status import ChannelStatus
from tests.statuses import live


class Heard(Notifier):
    """A notifier that remembers what it was told, as whoever listens would."""

    def __init__(self, watchdog_seconds: float | None = None) -> None:
        super().__init__({}, pid=1)
        self.watchdog_seconds = watchdog_seconds
        self.told: list[dict[str, str | int]] = []

    def tell(self, **fields: str | int) -> bool:
        self.told.append(fields)
        return True

    def heard(self, name: str) -> int:
        return sum(name in fields for fields in self.told)


class Run:
    def __init__(self, watchdog_seconds: float | None = 8.0) -> None:
        self.now = 0.0
        self.status = ChannelStatus("one", "x", started_at=0.0, state="live", scorers={"motion": "farneback"})
        self.notifier = Heard(watchdog_seconds)
        settings = HealthSettings(hang_seconds=20.0)
        self.beats = 0
        health = Health(settings, lambda: self.now)
        self.heart = Heartbeat(health, self.notifier, [self.status], settings, self._beaten, lambda: self.now)

    def _beaten(self) -> None:
        self.beats += 1

    def passes(self, seconds: int, *, scores: bool = True) -> None:
        for _ in range(seconds):
            self.now += 1
            self.status.newest_seconds += 1
            if scores:
                self.status.scored += 1
                self.status.stream_seconds = self.status.newest_seconds
            self.heart.beat()


def test_the_watchdog_is_pinged_at_half_its_time() -> None:
    run = Run(watchdog_seconds=8.0)
    run.passes(40)
    assert run.notifier.heard("WATCHDOG") == 10
    assert run.beats == 40


def test_a_short_watchdog_makes_the_heart_beat_faster() -> None:
    assert Run(watchdog_seconds=2.0).heart.every_seconds == 0.25
    assert Run(watchdog_seconds=None).heart.every_seconds == 1.0


def test_a_channel_that_is_not_scored_any_more_stops_the_pings_and_going_on_brings_them_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger_class = logging.getLoggerClass()
    structlog.configure(logger_factory=structlog.stdlib.LoggerFactory(), wrapper_class=structlog.stdlib.BoundLogger)
    logging.setLoggerClass(logger_class)  # structlog's stays otherwise, and streamlink's plugins could not log any more
    try:
        with caplog.at_level(logging.INFO):
            run = Run(watchdog_seconds=8.0)
            run.passes(8)
            assert run.notifier.heard("WATCHDOG") == 2
            run.passes(26, scores=False)
            stopped = run.notifier.heard("WATCHDOG")
            run.passes(40, scores=False)
            assert run.notifier.heard("WATCHDOG") == stopped
            assert sum("scoring hangs" in line for line in caplog.messages) == 1  # one line for one trouble
            run.passes(8)
            assert run.notifier.heard("WATCHDOG") == stopped + 2
    finally:
        structlog.reset_defaults()


def test_without_a_watchdog_nobody_is_pinged() -> None:
    run = Run(watchdog_seconds=None)
    run.passes(100)
    assert run.notifier.told == []


def test_ready_is_said_once_watching_begins_and_then_how_it_goes_where_that_has_changed() -> None:
    run = Run(watchdog_seconds=None)
    run.heart.watching()
    assert run.notifier.told == [{"READY": 1, "STATUS": "1 channel: 1 live; lag 0.0 s; 0 highlights, 0 clips"}]
    run.passes(30)
    assert len(run.notifier.told) == 1
    run.status.highlights_opened = 1
    run.passes(10)
    assert run.notifier.told[1:] == [{"STATUS": "1 channel: 1 live; lag 0.0 s; 1 highlight, 0 clips"}]


def test_the_end_is_said_once_and_asks_for_time_at_every_beat_and_pings_whatever_hangs() -> None:
    run = Run(watchdog_seconds=8.0)
    run.passes(30, scores=False)
    before = run.notifier.heard("WATCHDOG")
    run.heart.ending()
    run.heart.ending()
    run.passes(8, scores=False)
    assert run.notifier.heard("STOPPING") == 1
    assert run.notifier.heard("EXTEND_TIMEOUT_USEC") == 9
    assert run.notifier.heard("WATCHDOG") == before + 2


def test_a_line_says_how_it_goes() -> None:
    waiting = ChannelStatus("two", "x", started_at=0.0, state="waiting")
    assert sentence([live(), waiting]) == "2 channels: 1 waiting, 1 live; lag 1.3 s; 2 highlights, 1 clip; 3 alerts waiting"
