"""Ctrl+C is heard at once where that does no harm, else at the next safe place."""

import signal

import pytest

from stream_processor.best.interrupting import Interruptions


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_outside_it_is_raised_at_once(number: signal.Signals) -> None:
    with Interruptions().heard(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


def test_where_threads_are_at_work_it_is_raised_by_the_next_check() -> None:
    interruptions = Interruptions()
    with interruptions.heard(), interruptions.held(is_final=True):
        interruptions.check()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interruptions.check()


def test_what_nobody_checked_is_raised_at_the_end() -> None:
    interruptions = Interruptions()
    with interruptions.heard(), pytest.raises(KeyboardInterrupt), interruptions.held():
        signal.raise_signal(signal.SIGINT)


def test_a_second_one_is_raised_at_once() -> None:
    interruptions = Interruptions()
    with interruptions.heard(), interruptions.held(is_final=True):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_afterwards_signals_go_where_they_went_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interruptions().heard():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
