"""Blocking calls that the event loop waits for, each in a thread of its own."""

import asyncio
import threading

import pytest

from stream_processor.own_thread import Errand, in_own_thread

PATIENCE_SECONDS = 20.0


async def test_more_waits_than_any_pool_has_threads_go_on_at_once() -> None:
    together = threading.Barrier(100)
    waits = [in_own_thread(lambda: together.wait(PATIENCE_SECONDS), f"wait {number}") for number in range(100)]
    assert sorted(await asyncio.gather(*waits)) == list(range(100))


async def test_what_the_function_raises_is_raised_where_it_is_awaited() -> None:
    def fails() -> None:
        raise SystemExit("even this")

    with pytest.raises(SystemExit, match="even this"):
        await in_own_thread(fails, "fails")


async def test_a_wait_that_is_given_up_leaves_the_call_to_end_by_itself() -> None:
    began, gate, ended = threading.Event(), threading.Event(), threading.Event()

    def call() -> None:
        began.set()
        gate.wait(PATIENCE_SECONDS)
        ended.set()

    waiting = asyncio.create_task(in_own_thread(call, "call"))
    await asyncio.to_thread(began.wait, PATIENCE_SECONDS)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.set()
    assert await asyncio.to_thread(ended.wait, PATIENCE_SECONDS)


async def test_an_errand_that_was_left_is_waited_for_no_more_however_often() -> None:
    began, gate = threading.Event(), threading.Event()

    def call() -> None:
        began.set()
        gate.wait(PATIENCE_SECONDS)

    errand = Errand(call, "call")
    await asyncio.to_thread(began.wait, PATIENCE_SECONDS)
    assert not errand.is_over
    errand.leave()
    assert errand.is_over
    for _ in range(3):
        await errand.wait()
        await asyncio.sleep(0)  # what it gave up has time to be over
    gate.set()


async def test_an_errand_that_failed_says_so_whenever_it_is_waited_for() -> None:
    def fails() -> None:
        raise ZeroDivisionError("a bug")

    errand = Errand(fails, "fails")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="a bug"):
            await errand.wait()


async def test_what_comes_after_an_errand_is_done_also_where_it_failed_or_was_left() -> None:
    done = threading.Semaphore(0)
    gate = threading.Event()

    def fails() -> None:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        await Errand(fails, "fails", done.release).wait()
    assert done.acquire(blocking=False)
    errand = Errand(gate.wait, "waits", done.release)
    errand.leave()
    assert done.acquire(blocking=False), "it is not over, but nobody waits for it any more"
    gate.set()
    assert await asyncio.to_thread(done.acquire, timeout=PATIENCE_SECONDS)
