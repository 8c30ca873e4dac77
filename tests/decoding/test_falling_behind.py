"""That analysis is behind is said once, and once that it is not any more, however the drops come.

::

    seconds  0    10   20   …   80   140
    dropped  ─────┴────┴────────┴────        waves of drops, each within a minute of the one before
    said          behind                │ keeps up again, a minute after the last
"""

import pytest
import structlog
from structlog.typing import EventDict

from stream_processor.decoding.falling_behind import CALM_SECONDS, FallingBehind
from stream_processor.status import ChannelStatus


class Run:
    def __init__(self) -> None:
        self.now = 0.0
        self.status = ChannelStatus("one", "x", started_at=0.0, state="live", lag_seconds=7.26)
        self._behind = FallingBehind()

    def passes(self, seconds: int, *, drops: int = 0) -> None:
        """``drops`` in the first of these seconds."""
        self.status.frames_dropped += drops
        for _ in range(seconds):
            self.now += 1
            self._behind.look([self.status], self.now)


@pytest.fixture
def run() -> Run:
    return Run()


def said(logs: list[EventDict]) -> list[tuple[str, str, dict[str, object]]]:
    return [
        (line["log_level"], line["event"].split(":")[0], {k: v for k, v in line.items() if k not in ("event", "log_level")})
        for line in logs
    ]


BEHIND = ("warning", "analysis cannot keep up", {"channel": "one", "lag_seconds": 7.3})


def test_a_channel_that_keeps_up_is_no_news(run: Run) -> None:
    with structlog.testing.capture_logs() as logs:
        run.passes(200)
    assert logs == []


def test_waves_of_drops_are_one_line_and_their_end_another(run: Run) -> None:
    with structlog.testing.capture_logs() as logs:
        run.passes(10)
        for _ in range(5):
            run.passes(int(CALM_SECONDS) - 1, drops=20)
        assert said(logs) == [BEHIND]
        run.passes(5)
    assert said(logs) == [BEHIND, ("info", "analysis keeps up again", {"channel": "one", "packets_not_judged": 100})]


def test_falling_behind_once_more_is_said_once_more_and_counted_from_there(run: Run) -> None:
    with structlog.testing.capture_logs() as logs:
        for drops in (20, 3):
            run.passes(2 * int(CALM_SECONDS), drops=drops)
    assert [event for _, event, _ in said(logs)] == ["analysis cannot keep up", "analysis keeps up again"] * 2
    assert said(logs)[-1][2]["packets_not_judged"] == 3


def test_the_next_broadcast_counts_from_zero(run: Run) -> None:
    with structlog.testing.capture_logs() as logs:
        run.passes(5, drops=50)
        run.status.frames_dropped = 4
        run.passes(2 * int(CALM_SECONDS))
    assert [event for _, event, _ in said(logs)] == ["analysis cannot keep up", "analysis keeps up again"]
    assert said(logs)[-1][2]["packets_not_judged"] == 4
