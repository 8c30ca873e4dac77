"""Sound that drifts away from the picture is led back; what only comes sooner or later than it is let be.

A stream is played to ``Drift`` as the timeline does it: a packet of sound every tenth of a second, the picture beside it.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import pytest

from stream_processor.receiving.drift import DRIFT_SECONDS, MOST_RATE, Drift
from stream_processor.records import RawPacket

MS = Fraction(1, 1_000)


def off_seconds(
    rate: float,
    minutes: float,
    *,
    comes_later: Callable[[float], float] = lambda _: 0.0,
    fps: int = 25,
    step_seconds: float = 0.1,
) -> list[float]:
    """By how much each packet of sound is laid too late (or, negative, too early), where its clock is off by ``rate``."""
    drift = Drift()
    off = []
    for number in range(int(minutes * 60 / step_seconds)):
        now = number * step_seconds
        sound_seconds = now - comes_later(now)
        stamp = round(sound_seconds * (1 + rate) / MS)
        raw = drift.correct(RawPacket("audio", b"", stamp, stamp, 0, MS, True, now))
        assert raw.pts is not None
        laid_seconds = float(raw.pts * MS)
        drift.saw(laid_seconds, math.floor(now * fps) / fps)
        off.append(laid_seconds - sound_seconds)
    return off


@pytest.mark.parametrize("rate", [0.02, 0.01, 0.003, -0.003, -0.01, -0.02])
def test_sound_of_a_clock_that_is_off_is_let_go_by_no_more_than_the_limit_and_then_is_in_step(rate: float) -> None:
    off = off_seconds(rate, minutes=DRIFT_SECONDS / abs(rate) / 60 + 10)
    assert max(abs(each) for each in off) <= DRIFT_SECONDS + 0.5
    assert max(abs(each) for each in off[-3000:]) <= 0.03


def test_it_stays_in_step_for_hours() -> None:
    assert max(abs(each) for each in off_seconds(0.01, minutes=6 * 60, step_seconds=1.0)[600:]) <= 0.05


@pytest.mark.parametrize(
    "comes_later",
    [
        lambda now: 0.7 * math.sin(now / 40),
        lambda now: now % 2.0,
        lambda now: 2.5 if now > 300 else 0.0,
        lambda now: 1.0 if now % 20 < 10 else -1.0,
        lambda now: (now / 100) % 1.8,
    ],
    ids=[
        "now sooner, now later",
        "in pieces of two seconds",
        "later all of a sudden",
        "sooner and later by turns",
        "slowly later, and all of a sudden as before",
    ],
)
def test_what_comes_sooner_or_later_without_its_clock_being_off_is_let_be(comes_later: Callable[[float], float]) -> None:
    assert {round(each, 3) for each in off_seconds(0.0, minutes=60, comes_later=comes_later)} == {0.0}


@pytest.mark.parametrize("comes_later", [lambda now: 0.2 * math.sin(now / 40), lambda now: now % 2.0], ids=["restless", "pieces"])
def test_a_clock_that_is_off_is_found_out_behind_that(comes_later: Callable[[float], float]) -> None:
    off = off_seconds(0.01, minutes=20, comes_later=comes_later)
    assert max(abs(each) for each in off[-3000:]) <= 0.35


@pytest.mark.parametrize("seconds", [260, 600, 3600])
def test_a_clock_that_is_set_right_is_let_be_from_then_on(seconds: int) -> None:
    #  sound's clock   ╱╱╱╱╱╱╱│________      an encoder that is started again behind a server that goes on
    drift, off = Drift(), list[float]()
    for number in range(10 * (seconds + 3600)):
        now = number / 10
        sound_seconds = now * 1.01 if now < seconds else now
        stamp = round(sound_seconds / MS)
        raw = drift.correct(RawPacket("audio", b"", stamp, stamp, 0, MS, True, now))
        assert raw.pts is not None
        drift.saw(float(raw.pts * MS), now)
        off.append(float(raw.pts * MS) - now)
    assert max(abs(each) for each in off[-3000:]) <= 0.1


def test_the_limit_is_less_than_panes_wait_for_sound() -> None:
    from stream_processor.frames import STALL_SECONDS

    assert DRIFT_SECONDS < STALL_SECONDS


def test_no_step_backward_comes_of_it() -> None:
    """Sound that is led back is stretched, never crammed: a packet of it never begins before the one before has."""
    drift = Drift()
    laid = []
    for number in range(60 * 60 * 10):
        stamp = round(number * 100 * (1 + MOST_RATE))
        raw = drift.correct(RawPacket("audio", b"", stamp, stamp, 0, MS, True, 0.0))
        assert raw.dts is not None
        laid.append(raw.dts)
        drift.saw(float(raw.dts * MS), number / 10)
    assert all(later - sooner >= 90 for sooner, later in pairwise(laid))
