"""How a channel does right now."""

import pytest

from stream_processor.screen.rates import Rate, Rates, trouble
from stream_processor.status import ChannelStatus, State


def channel(name: str = "x") -> ChannelStatus:
    return ChannelStatus(name, f"twitch.tv/{name}", started_at=0.0, state="live")


def test_speed_and_drops_are_those_of_the_last_ten_seconds() -> None:
    one, rates = channel(), Rates()
    seen = {}
    for now in range(31):  # 0–20 s: waiting; from then on twice real time, and once, at 21 s, something is dropped
        one.stream_seconds = max(0, now - 20) * 2.0
        one.frames_dropped = 7 if now >= 21 else 0
        seen[now] = rates.look([one], float(now)).get("x")
    assert seen[0] is None  # nothing to tell it from yet
    assert seen[20] == Rate(0.0, 0)
    assert seen[30] == Rate(2.0, 7)
    assert rates.look([one], 31.0)["x"].dropped == 0


@pytest.mark.parametrize("every_seconds", [0.25, 9.99, 10.0, 10.01, 25.0])
def test_however_often_it_looks_it_has_something_to_compare_with(every_seconds: float) -> None:
    one, rates = channel(), Rates()
    for number in range(100):
        one.stream_seconds = number * every_seconds
        found = rates.look([one], number * every_seconds)
    assert found["x"].speed == pytest.approx(1.0)


def test_the_next_broadcast_begins_anew() -> None:
    one, rates = channel(), Rates()
    for now, stream_seconds in [(0, 100), (1, 101), (2, 0), (3, 1)]:
        one.stream_seconds = stream_seconds
        found = rates.look([one], now)
    assert found == {"x": Rate(1.0, 0)}


@pytest.mark.parametrize(
    ("state", "rate", "said"),
    [
        ("live", None, ""),
        ("live", Rate(0.1, 0), ""),
        ("live", Rate(1.0, 3), "dropping"),
        ("reconnecting", Rate(0.0, 3), "reconnecting"),
        ("failed", None, "failed"),
        ("waiting", None, ""),
        ("ended", None, ""),
    ],
)
def test_trouble_is_what_somebody_may_have_to_look_after(state: State, rate: Rate | None, said: str) -> None:
    one = channel()
    one.state = state
    assert trouble(one, rate) == said
