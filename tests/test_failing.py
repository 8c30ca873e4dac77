"""Which failures of a channel are tried again under --forever, and after how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.errors import (
    ClipWriteError,
    GivenUp,
    JournalError,
    ScorerError,
    SettingsError,
    SourceError,
    SourceUnusable,
)
from stream_processor.failing import LONGEST_WAIT_SECONDS, STEADY_SECONDS, Waits, may_begin_again


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), SourceError("odd"), ClipWriteError("no room")])
def test_a_live_channel_begins_again_after_a_bug_or_an_odd_stream(error: Exception) -> None:
    assert may_begin_again(error, is_recording=False, was_live=True)
    assert may_begin_again(error, is_recording=False, was_live=False)


def test_an_address_that_never_worked_is_told_and_one_that_did_is_tried_again() -> None:
    assert not may_begin_again(SourceUnusable("no such file"), is_recording=False, was_live=False)
    assert may_begin_again(SourceUnusable("nothing to score"), is_recording=False, was_live=True)


def test_a_recording_would_only_fail_again() -> None:
    assert not may_begin_again(ZeroDivisionError("a bug"), is_recording=True, was_live=False)


@pytest.mark.parametrize("kind", [SettingsError, ScorerError, JournalError, GivenUp])
def test_what_would_be_no_different_the_next_time_ends_the_channel(kind: type[Exception]) -> None:
    assert not may_begin_again(kind("the same again"), is_recording=False, was_live=True)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit()])
def test_an_exit_is_an_exit(error: BaseException) -> None:
    assert not may_begin_again(error, is_recording=False, was_live=True)


def test_waits_double_up_to_five_minutes_and_a_good_while_makes_them_short_again() -> None:
    clock = Clock()
    waits = Waits(clock=clock, chance=lambda: 0.5)
    waited = [waits.failed() for _ in range(12)]
    assert waited[:4] == [1.0, 2.0, 4.0, 8.0]
    assert waited[-1] == LONGEST_WAIT_SECONDS
    waits.begin()
    clock.now += STEADY_SECONDS - 1
    assert waits.failed() == LONGEST_WAIT_SECONDS
    waits.begin()
    clock.now += STEADY_SECONDS
    assert waits.failed() == 1.0


@given(st.floats(0, 1), st.integers(1, 40))
def test_chance_makes_a_wait_half_as_long_to_half_as_long_again(chance: float, failures: int) -> None:
    waits, even = Waits(clock=Clock(), chance=lambda: chance), Waits(clock=Clock(), chance=lambda: 0.5)
    for _ in range(failures):
        seconds, usual = waits.failed(), even.failed()
        assert 0.5 * usual <= seconds <= 1.5 * usual
