"""What alive, ready and hanging mean, on a clock of our own.

::

    packets   ─┬─┬─┬─┬─┬─┬─┬─┬─┬─   newest_seconds grows
    scored    ─┴─┴─┴─┴              ...and the scores stop: not ready after 30 s, hanging after 60 s
"""

from dataclasses import dataclass, field

import pytest

from stream_processor.operations.health import LONGEST_BEAT_SECONDS, Health
from stream_processor.settings import HealthSettings
from stream_processor.status import ChannelStatus, State

LOOP, READY, HANG = 10.0, 30.0, 60.0


@dataclass
class Watched:
    """A health with its clock, and one channel of which every second brings a second of stream, scored or not."""

    now: float = 1000.0
    status: ChannelStatus = field(default_factory=lambda: ChannelStatus("one", "rtmp://h/a", started_at=0.0))

    def __post_init__(self) -> None:
        self.settings = HealthSettings(loop_seconds=LOOP, ready_seconds=READY, hang_seconds=HANG)
        self.health = Health(self.settings, lambda: self.now)

    def passes(self, seconds: float, *, packets: bool = True, scores: bool = True, beats: bool = True) -> None:
        for _ in range(int(seconds)):
            self.now += 1
            self.status.newest_seconds += packets
            if scores:
                self.status.scored += 1
                self.status.stream_seconds = self.status.newest_seconds
            if beats:
                self.health.look([self.status])

    @property
    def why(self) -> str:
        return " | ".join(self.health.ready().lines)


def live() -> Watched:
    watched = Watched()
    watched.status.state = "live"
    watched.status.scorers = {"motion": "farneback"}
    watched.passes(5)
    return watched


def test_a_loop_that_turns_is_alive_and_one_that_stands_still_for_ten_seconds_is_not() -> None:
    watched = live()
    assert watched.health.alive() == (True, ())
    watched.passes(LOOP, beats=False)
    assert watched.health.alive().ok
    watched.passes(1, beats=False)
    assert watched.health.alive() == (False, ("the event loop has stood still for 11 s (health.loop_seconds)",))
    assert not watched.health.ready().ok
    watched.passes(1)
    assert watched.health.alive().ok


def test_a_program_that_has_only_begun_is_alive_and_not_ready() -> None:
    watched = Watched()
    assert watched.health.alive().ok
    assert watched.health.ready() == (False, ("nothing is watched yet",))


def test_a_channel_with_packets_and_scores_is_ready() -> None:
    watched = live()
    assert watched.health.ready().ok
    assert watched.why == "one: live, newest packet 0.0 s ago, scored 0.0 s ago"
    assert watched.health.is_ready("one")
    assert not watched.health.is_ready("another")


@pytest.mark.parametrize("state", ["connecting", "waiting", "reconnecting", "failed"])
def test_a_channel_that_waits_is_not_ready_and_says_for_what_without_secrets(state: State) -> None:
    watched = live()
    watched.status.state = state
    watched.status.detail = "rtmp://h/a?token=geheim\nis not there"
    watched.passes(1, packets=False, scores=False)
    assert not watched.health.ready().ok
    assert watched.why.startswith(f"one: {state} (rtmp://h/a?")
    assert "geheim" not in watched.why
    assert "\n" not in watched.why
    watched.passes(1000, packets=False, scores=False)
    assert watched.health.hanging() == {}  # however long: a stream that does not come is no reason to start again


def test_without_packets_it_is_not_ready_after_thirty_seconds_and_does_not_hang() -> None:
    watched = live()
    watched.passes(READY, packets=False, scores=False)
    assert watched.health.ready().ok
    watched.passes(1, packets=False, scores=False)
    assert watched.why == "one: live, but no packet came for 31 s"
    watched.passes(1000, packets=False, scores=False)
    assert watched.health.hanging() == {}


def test_packets_without_scores_are_not_ready_after_thirty_seconds_and_hang_after_sixty() -> None:
    watched = live()
    watched.passes(READY + 1, scores=False)
    assert watched.health.ready().ok
    watched.passes(1, scores=False)
    assert not watched.health.ready().ok
    assert watched.why == "one: live, but nothing was scored for 32 s"
    watched.passes(HANG - READY, scores=False)
    assert watched.health.hanging() == {}  # its first seconds of stream were no backlog yet
    watched.passes(3, scores=False)
    assert watched.health.hanging() == {"one": "packets wait, and nothing was scored for 62 s"}
    assert watched.health.alive().ok
    watched.passes(1)
    assert watched.health.hanging() == {}
    assert watched.health.ready().ok


def test_a_recording_whose_packets_wait_hangs_as_well() -> None:
    watched = live()
    watched.status.newest_seconds += 6  # read until the queue was full, and then no further
    watched.passes(HANG + 1, packets=False, scores=False)
    assert watched.health.hanging().keys() == {"one"}


def test_decisions_that_wait_for_the_disk_are_no_hang() -> None:
    watched = live()
    watched.status.is_held = True
    watched.passes(1000, scores=False)
    assert watched.health.hanging() == {}
    assert watched.why.endswith(": decisions wait for the journal")


def test_a_picture_that_goes_on_with_a_keyframe_which_does_not_come_is_no_hang() -> None:
    #  packets   ─┬─┬─┬─┬─┬─ … analysis was behind, and in ten minutes there is no keyframe
    watched = live()
    watched.status.waits_for_keyframe = True
    watched.passes(600, scores=False)
    assert watched.health.hanging() == {}
    assert watched.why.endswith(": analysis was behind and waits for a keyframe")


def test_scorers_that_still_load_are_no_hang() -> None:
    watched = Watched()
    watched.status.state = "live"
    watched.passes(1000, scores=False)
    assert watched.health.hanging() == {}
    assert watched.why.endswith(": the scorers still load")


def test_long_panes_have_their_time() -> None:
    watched = live()
    watched.status.pane_seconds = 30.0
    watched.passes(59, scores=False)
    assert watched.health.ready().ok
    watched.passes(60, scores=False)
    assert watched.health.hanging() == {}
    watched.passes(70, scores=False)
    assert watched.health.hanging().keys() == {"one"}


def test_a_suspension_is_no_hang() -> None:
    watched = live()
    watched.passes(HANG / 2, scores=False)
    watched.now += 3600  # SIGSTOP, or a lid that was closed
    watched.passes(1, scores=False)
    assert watched.health.hanging() == {}
    watched.passes(HANG / 2 - LONGEST_BEAT_SECONDS + 1, scores=False)
    assert watched.health.hanging() == {}
    watched.passes(5, scores=False)
    assert watched.health.hanging().keys() == {"one"}


def test_what_has_ended_counts_no_more() -> None:
    watched, other = live(), ChannelStatus("two", "x", started_at=0.0, state="ended")
    watched.health.look([watched.status, other])
    assert watched.health.ready().ok
    assert watched.health.ready().lines[1] == "two: ended"
    watched.health.look([other])
    assert not watched.health.ready().ok


def test_one_channel_in_trouble_is_enough() -> None:
    watched, other = live(), ChannelStatus("two", "x", started_at=0.0, state="waiting")
    watched.health.look([watched.status, other])
    assert not watched.health.ready().ok
    assert watched.health.is_ready("one")


def test_the_next_broadcast_begins_with_nothing_held_against_it() -> None:
    watched = live()
    watched.passes(HANG + 5, scores=False)
    assert watched.health.hanging()
    watched.status = ChannelStatus("one", "x", started_at=0.0, state="live", scorers={"motion": "farneback"})
    watched.passes(1, scores=False)
    assert watched.health.hanging() == {}
