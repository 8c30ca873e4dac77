"""What people see of a run as it goes on: its status, and passing events that sinks may miss."""

from typing import Any, cast

import pytest

from stream_processor.bulletin import Bulletin
from stream_processor.delivering.outbox import Outbox
from stream_processor.intake import StateNotice
from stream_processor.records import Event, ScoredWindow, Window
from stream_processor.status import ChannelStatus

NAN = float("nan")


class Seen:
    """A bulletin, and what came out of it on either side."""

    def __init__(self) -> None:
        self.told: list[Event] = []
        self.offered: list[Event] = []
        self.status = ChannelStatus("x", "somewhere", started_at=0.0)
        outbox: Any = type("Outbox", (), {"offer": self.offered.append})
        self.bulletin = Bulletin(self.status, cast("Outbox", outbox), self.told.append)

    @property
    def states(self) -> list[tuple[str, str]]:
        return [(event.payload["state"], event.payload["detail"]) for event in self.told]


def decided(start: float, score: float = 0.2, threshold: float = 0.5, *, nuisance: float = 0.0) -> ScoredWindow:
    window = Window(0, int(start), start, start + 5.0, {"motion": 0.1}, (0, 5), nuisance=nuisance)
    return ScoredWindow(window, score, {"motion": 0.3}, score, threshold)


def test_each_decided_window_is_on_the_curve_and_in_a_passing_event_with_null_for_what_is_no_number() -> None:
    seen = Seen()
    seen.bulletin.decided(decided(3.0, NAN, NAN))
    assert [(point.seconds, len(seen.status.curve)) for point in seen.status.curve] == [(3.0, 1)]
    assert (seen.status.values, seen.status.deviations) == ({"motion": 0.1}, {"motion": 0.3})
    (event,) = seen.told
    told = {"start_time": 3.0, "end_time": 8.0, "score": None, "threshold": None, "signals": {"motion": 0.1}}
    assert (event.type, event.channel, event.payload) == ("window", "x", told)
    assert seen.offered == seen.told


def test_the_best_window_is_the_one_that_rose_furthest_above_its_own_threshold() -> None:
    seen = Seen()
    for window in (decided(0.0, 0.9, NAN), decided(3.0, 0.4, 0.5), decided(6.0, 0.3, 0.2), decided(9.0, 0.8, 0.9)):
        seen.bulletin.decided(window)
    assert seen.bulletin.best is not None
    assert seen.bulletin.best.window.start_seconds == 6.0


def test_of_windows_of_a_waiting_screen_that_overlap_each_second_counts_once() -> None:
    #  [0 ═══ 5]
    #     [3 ═══ 8]      [20 ═══ 25]
    seen = Seen()
    for start in (0.0, 3.0, 20.0):
        seen.bulletin.decided(decided(start, NAN, NAN, nuisance=1.0))
    assert seen.status.standby_seconds == pytest.approx(8.0 + 5.0)
    seen.bulletin.decided(decided(40.0, 0.2, 0.5, nuisance=0.0))
    assert seen.status.standby_seconds == pytest.approx(13.0)


def test_a_state_is_told_when_it_changes_and_waiting_is_reconnecting_to_those_outside() -> None:
    seen = Seen()
    for notice in (StateNotice("live", ""), StateNotice("live", ""), StateNotice("waiting", "for x")):
        seen.bulletin.state(notice)
    assert seen.states == [("live", ""), ("reconnecting", "for x")]
    assert (seen.status.state, seen.status.detail) == ("waiting", "for x")


def test_a_run_that_broke_off_has_ended_for_everybody_and_only_once() -> None:
    seen = Seen()
    seen.bulletin.state(StateNotice("live", ""))
    seen.bulletin.end()
    seen.bulletin.end()
    assert [state for state, _ in seen.states] == ["live", "ended"]
