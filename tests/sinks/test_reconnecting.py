"""What is said of a broker that comes and goes, and when it is tried again; time lines in minutes."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.reconnecting import Reconnecting

REFUSED, LOST = "connection refused", "disconnected"


def test_each_trouble_is_said_once_and_its_end_too() -> None:
    link = Reconnecting()
    assert link.connected(0.0)
    assert link.lost(LOST, 600.0)
    assert link.lost(REFUSED, 601.0), "another reason"
    assert not any(link.lost(REFUSED, 601.0 + number) for number in range(1, 50))
    assert link.connected(700.0)
    assert link.lost(LOST, 1300.0), "it had been well in between"


def test_of_a_night_without_a_broker_every_hour_is_said_how_often_it_was_tried() -> None:
    link = Reconnecting()
    said = [link.said() for seconds in range(0, 8 * 3600, 30) if link.lost(REFUSED, float(seconds))]
    assert said == [1, *[120] * 7]


def test_a_connection_that_flaps_is_no_news_until_it_stays_away() -> None:
    """
    up      ━┓ ┏━┓ ┏━┓ ┏━┓ … for ten minutes, then down
    said    lost, connected                         lost, a minute later
    """
    link = Reconnecting()
    said = []
    for second in range(600):
        said += [word for word, says in (("up", link.connected(float(second))), ("lost", link.lost(LOST, second + 0.5))) if says]
    assert said == ["up", "lost", "up"]
    assert not link.lost(LOST, 630.0)
    assert link.lost(LOST, 660.0)


def test_a_broker_that_goes_after_each_alert_is_tried_at_once_and_one_that_takes_none_ever_later() -> None:
    link = Reconnecting()
    for seconds in range(5):
        link.connected(float(seconds))
        link.useful()
        link.lost(LOST, seconds + 0.5)
        assert link.wait_seconds(1.0) == 0.5
    waits = []
    for seconds in range(5, 13):
        link.connected(float(seconds))
        link.lost(LOST, seconds + 0.5)
        waits.append(link.wait_seconds(1.0))
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


@given(failures=st.integers(1, 5000), chance=st.floats(0, 1))
def test_waits_lie_between_a_quarter_of_a_second_and_half_a_minute(failures: int, chance: float) -> None:
    link = Reconnecting()
    for _ in range(failures):
        link.lost(REFUSED, 0.0)
    assert 0.25 <= link.wait_seconds(chance) <= 30.0
