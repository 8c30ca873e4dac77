"""Wall clocks that are set back and forth, beside a monotonic one that is not."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.clocks import CautiousUtc, SteadyUtc
from stream_processor.journal import FILENAME, Journal

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = 3600.0
DAY = 24 * HOUR


class Clocks:
    """Real time passes for both; the wall clock can be set besides."""

    def __init__(self, wall: float = NOON.timestamp()) -> None:
        self.wall, self.monotonic = wall, 50.0

    def pass_(self, seconds: float) -> None:
        self.wall, self.monotonic = self.wall + seconds, self.monotonic + seconds

    def set(self, by_seconds: float) -> None:
        self.wall += by_seconds

    def cautious(self) -> CautiousUtc:
        return CautiousUtc(lambda: self.wall, lambda: self.monotonic)

    def steady(self) -> SteadyUtc:
        return SteadyUtc(lambda: datetime.fromtimestamp(self.wall, UTC), lambda: self.monotonic)


# ---- ages --------------------------------------------------------------------------------------------------------------


def test_a_clock_that_is_set_from_1970_to_now_makes_nothing_old() -> None:
    #  started in 1970 ── 1 min ── NTP: 2026 ── 1 min
    clocks = Clocks(wall=0.0)
    cautious = clocks.cautious()
    clocks.pass_(60.0)
    clocks.set(NOON.timestamp())
    clocks.pass_(60.0)
    assert cautious() == pytest.approx(120.0)


def test_a_clock_that_is_set_back_is_believed() -> None:
    clocks = Clocks()
    cautious = clocks.cautious()
    clocks.set(-DAY)
    assert cautious() == clocks.wall
    clocks.set(2 * DAY)
    clocks.pass_(10.0)
    assert cautious() == pytest.approx(NOON.timestamp() - DAY + 10.0)


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(-1e9, 1e9)), max_size=20))
def test_however_it_is_set_ages_never_grow_faster_than_time_passes(steps: list[tuple[float, float]]) -> None:
    clocks = Clocks()
    cautious = clocks.cautious()
    for seconds, by_seconds in steps:
        before = cautious()
        clocks.pass_(seconds)
        clocks.set(by_seconds)
        assert cautious() - before <= seconds + 1e-3
        assert cautious() <= clocks.wall + 1e-3


# ---- names -------------------------------------------------------------------------------------------------------------


def test_epochs_of_a_clock_set_back_by_an_hour_stay_in_the_stream_s_order() -> None:
    #  stream   0 ────── 600 ────── 700
    #  wall     12:00    11:10      11:11:40
    #  told     12:00    12:10      12:11:40
    clocks = Clocks()
    steady = clocks.steady()
    assert steady(0.0, clocks.monotonic) == NOON
    clocks.pass_(600.0)
    clocks.set(-HOUR)
    assert steady(600.0, clocks.monotonic) == NOON + timedelta(seconds=600)
    clocks.pass_(100.0)
    assert steady(700.0, clocks.monotonic) == NOON + timedelta(seconds=700)


def test_a_clock_set_forth_is_followed_at_once_and_one_set_back_by_days_too() -> None:
    clocks = Clocks()
    steady = clocks.steady()
    steady(0.0, clocks.monotonic)
    clocks.set(5 * HOUR)
    assert steady(10.0, clocks.monotonic) == NOON + timedelta(hours=5)
    clocks.set(-30 * DAY)
    assert steady(20.0, clocks.monotonic) == NOON + timedelta(hours=5, days=-30)


def test_what_arrived_a_while_ago_began_then() -> None:
    clocks = Clocks()
    assert clocks.steady()(0.0, clocks.monotonic - 3.0) == NOON - timedelta(seconds=3)


@given(st.lists(st.tuples(st.floats(0.1, 5000), st.floats(-DAY / 25, DAY / 25)), min_size=1, max_size=20))
def test_set_back_and_forth_by_hours_names_always_sort_by_stream_time(steps: list[tuple[float, float]]) -> None:
    clocks, stream_seconds, told = Clocks(), 0.0, list[datetime]()
    steady = clocks.steady()
    for seconds, by_seconds in steps:
        told.append(steady(stream_seconds, clocks.monotonic))
        clocks.pass_(seconds)
        clocks.set(by_seconds)
        stream_seconds += seconds
    assert all(before < after for before, after in pairwise(told))


# ---- alerts that nobody has fetched ------------------------------------------------------------------------------------


async def expired(path: Path, clocks: Clocks, days: float = 7.0) -> int:
    """What one start of the program gives up."""
    async with Journal.open(path, now=lambda: clocks.wall, aging=clocks.cautious()) as journal:
        await journal.cursor("mqtt")
        return (await journal.expire(days, ["mqtt"]))["mqtt"]


async def test_alerts_of_1970_are_as_old_as_the_clock_is_right(tmp_path: Path) -> None:
    #  1970: an alert ── NTP: 2026: another │ next start: neither has expired │ a week later: both have
    path, clocks = tmp_path / FILENAME, Clocks(wall=60.0)
    async with Journal.open(path, now=lambda: clocks.wall, aging=clocks.cautious()) as journal:
        await journal.cursor("mqtt")
        await journal.append("x", "new", {"id": "a"})
        clocks.set(NOON.timestamp())
        await journal.append("x", "end", {"id": "a"})
        assert await journal.expire(7.0, ["mqtt"]) == {"mqtt": 0}
    assert await expired(path, clocks) == 0
    clocks.pass_(6.9 * DAY)
    assert await expired(path, clocks) == 0
    clocks.pass_(0.2 * DAY)
    assert await expired(path, clocks) == 2


async def test_a_clock_that_jumps_years_ahead_while_the_program_runs_expires_nothing(tmp_path: Path) -> None:
    clocks = Clocks()
    async with Journal.open(tmp_path / FILENAME, now=lambda: clocks.wall, aging=clocks.cautious()) as journal:
        await journal.cursor("mqtt")
        await journal.append("x", "new", {"id": "a"})
        clocks.set(365 * DAY)
        clocks.pass_(6.9 * DAY)
        assert await journal.expire(7.0, ["mqtt"]) == {"mqtt": 0}
        clocks.pass_(0.2 * DAY)
        assert await journal.expire(7.0, ["mqtt"]) == {"mqtt": 1}, "a week is a week"
