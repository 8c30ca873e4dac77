"""The marks of an end that was asked for, on a clock that the test sets."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable

import pytest
import structlog

from stream_processor.interruption import (
    CLOSING,
    CUTTING,
    DRAINING,
    MOMENT,
    READING,
    CallLater,
    Interruption,
    LastResort,
    interruptible,
)

STOP_SECONDS = 20.0


class Clock:
    """Timers fire when the test says that so much time has passed."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._timers: list[tuple[float, Callable[[], None], list[bool]]] = []

    def __call__(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Callable[[], None]) -> "Timer":
        timer = Timer()
        self._timers.append((self.now + seconds, call, timer.cancelled))
        return timer

    def pass_(self, seconds: float) -> None:
        until = self.now + seconds
        for at, call, cancelled in sorted(self._timers, key=lambda timer: timer[0]):
            if self.now < at <= until and not cancelled:
                call()
        self.now = until


class Timer:
    def __init__(self) -> None:
        self.cancelled: list[bool] = []

    def cancel(self) -> None:
        self.cancelled.append(True)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def interruption(clock: Clock) -> Interruption:
    call_later: CallLater = clock.call_later
    return Interruption(STOP_SECONDS, call_later=call_later, clock=clock)


def test_the_marks_come_in_the_order_of_the_data_s_way_and_leave_room_for_the_journal() -> None:
    assert 0 < READING < CUTTING < DRAINING < CLOSING < 1


def test_each_is_told_at_its_mark_and_not_before(interruption: Interruption, clock: Clock) -> None:
    #  asked 0 s        7 s            13 s
    #    stop            leave reading   leave cutting
    told = list[str]()
    with (
        interruption.stopping(lambda: told.append("stop")),
        interruption.stopping(lambda: told.append("reading"), after=READING),
        interruption.stopping(lambda: told.append("cutting"), after=CUTTING),
    ):
        clock.pass_(1000.0)
        assert told == []
        interruption.terminate()
        assert told == ["stop"]
        clock.pass_(6.9)
        assert told == ["stop"]
        clock.pass_(0.2)
        assert told == ["stop", "reading"]
        clock.pass_(6.0)
        assert told == ["stop", "reading", "cutting"]


def test_what_has_ended_by_then_is_not_told_any_more(interruption: Interruption, clock: Clock) -> None:
    told = list[str]()
    with interruption.stopping(lambda: told.append("reading"), after=READING):
        interruption.interrupt()
    clock.pass_(100.0)
    assert told == []


def test_who_comes_after_the_end_was_asked_for_has_only_what_is_left(interruption: Interruption, clock: Clock) -> None:
    told = list[str]()
    interruption.terminate()
    clock.pass_(6.0)
    with interruption.stopping(lambda: told.append("late"), after=READING):
        assert told == []
        clock.pass_(1.1)
        assert told == ["late"]
    with interruption.stopping(lambda: told.append("too late"), after=READING):
        assert told == ["late", "too late"]


def test_a_second_signal_does_not_give_more_time(interruption: Interruption, clock: Clock) -> None:
    interruption.terminate()
    clock.pass_(5.0)
    interruption.interrupt()
    assert interruption.left_seconds(1.0) == pytest.approx(15.0)
    assert interruption.exit_code == 130


def test_before_anybody_has_asked_there_is_all_the_time_in_the_world(interruption: Interruption) -> None:
    assert interruption.left_seconds(READING) == float("inf")


def test_one_that_cannot_be_told_does_not_keep_the_others_going(interruption: Interruption) -> None:
    told = list[str]()

    def refuse() -> None:
        raise RuntimeError("not now")

    with interruption.stopping(refuse), interruption.stopping(lambda: told.append("told")):
        interruption.terminate()
    assert told == ["told"]


async def test_what_does_not_end_by_its_mark_is_left_behind_and_said_by_its_name(
    interruption: Interruption, clock: Clock
) -> None:
    never = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(interruption.patiently(never, CUTTING, "the cutter"))
    interruption.terminate()
    await asyncio.sleep(0)
    assert not waiting.done()
    with structlog.testing.capture_logs() as logs:
        clock.pass_(13.1)
        assert not await waiting
    assert interruption.left_behind == ["the cutter"]
    assert [(line["log_level"], line["what"]) for line in logs] == [("warning", "the cutter")]


async def test_what_ends_in_time_is_what_it_was(interruption: Interruption) -> None:
    async def done() -> None: ...

    async def failed() -> None:
        raise ZeroDivisionError("its own")

    interruption.terminate()
    assert await interruption.patiently(done(), CLOSING, "a sink")
    with pytest.raises(ZeroDivisionError):
        await interruption.patiently(failed(), CLOSING, "a sink")
    assert interruption.left_behind == []


async def test_what_begins_after_its_mark_has_a_moment_and_is_not_blamed_for_who_was_late(
    interruption: Interruption, clock: Clock
) -> None:
    #  asked 0 s      reading 7 s       cutting 13 s │ closing the engine: until 14.1 s
    interruption.terminate()
    clock.pass_(13.1)
    at_once = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(interruption.patiently(at_once, READING, "scoring"))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    at_once.set_result(None)
    assert await waiting
    assert interruption.left_behind == []
    never = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(interruption.patiently(never, READING, "scoring"))
    await asyncio.sleep(0)
    clock.pass_(MOMENT * STOP_SECONDS + 0.1)
    with structlog.testing.capture_logs():
        assert not await waiting


def test_the_last_resort_ends_the_process_when_the_time_is_over_whoever_else_stands_still() -> None:
    left, codes = threading.Event(), list[int]()

    def leave(code: int) -> None:
        codes.append(code)
        left.set()

    LastResort(0.01, lambda: 130, leave).arm()
    assert left.wait(30)
    assert codes == [130]


def test_the_last_words_are_with_the_log_s_file_before_it_leaves() -> None:
    left, order = threading.Event(), list[str]()

    class Flushed(logging.NullHandler):
        def flush(self) -> None:
            order.append("flushed")

    handler = Flushed()
    logging.getLogger().addHandler(handler)
    try:
        LastResort(0.01, lambda: 0, lambda _: (order.append("left"), left.set())).arm()
        assert left.wait(30)
    finally:
        logging.getLogger().removeHandler(handler)
    assert order == ["flushed", "left"]


def test_the_last_resort_does_nothing_where_it_is_called_off_armed_or_not() -> None:
    codes = list[int]()
    for is_armed in (False, True):
        resort = LastResort(3600.0, lambda: 1, codes.append)
        if is_armed:
            resort.arm()
        resort.call_off()
    assert codes == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
async def test_the_signals_are_taken_over_and_given_back(name: str) -> None:
    taken = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    under = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests under nohup ignores it
    before = [signal.getsignal(number) for number in taken]
    asked = asyncio.Event()
    try:
        with interruptible() as interruption, interruption.stopping(asked.set):
            os.kill(os.getpid(), signal.Signals[name])
            await asyncio.wait_for(asked.wait(), 30)
            assert interruption.is_asked
            assert interruption.exit_code == 0
        assert [signal.getsignal(number) for number in taken] == before
    finally:
        signal.signal(signal.SIGHUP, under)
    assert not any(thread.name == "last resort" for thread in threading.enumerate())


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
async def test_under_nohup_the_terminal_may_close() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible() as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert not interruption.is_asked
    finally:
        signal.signal(signal.SIGHUP, before)
