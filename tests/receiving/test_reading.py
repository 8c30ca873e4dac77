"""A thread that reads, and may hang: what reaches whoever takes, and what does not. Nothing sleeps for timing."""

import threading
from collections.abc import Generator

import pytest

from stream_processor.errors import SourceError
from stream_processor.receiving.reading import MOST_ITEMS, Reading

PATIENCE_SECONDS = 30.0


def all_of(reading: Reading[int]) -> list[int]:
    taken: list[int] = []
    while (items := reading.take(PATIENCE_SECONDS)) is not None:
        taken += items
    return taken


def test_all_comes_in_order_however_much_it_is_and_then_the_end() -> None:
    def numbers() -> Generator[int]:
        yield from range(1000)

    reading = Reading(numbers, name="numbers")
    assert all_of(reading) == [*range(1000)]
    assert reading.take(0.0) is None
    assert reading.join(0.0)


def test_what_ends_it_is_raised_after_all_that_came_before() -> None:
    def broken() -> Generator[int]:
        yield 1
        raise SourceError("reset", reason="reset")

    reading = Reading(broken, name="broken")
    assert reading.join(PATIENCE_SECONDS)
    assert reading.take(0.0) == [1]
    with pytest.raises(SourceError, match="reset"):
        reading.take(0.0)


def test_it_reads_no_further_ahead_than_there_is_room() -> None:
    read: list[int] = []

    def numbers() -> Generator[int]:
        for number in range(10 * MOST_ITEMS):
            read.append(number)
            yield number

    reading = Reading(numbers, name="numbers")
    first = reading.take(PATIENCE_SECONDS)
    assert first is not None
    while len(read) < len(first) + MOST_ITEMS:  # fills up, and waits
        assert not reading.join(0.001)
    assert not reading.join(0.05)
    assert len(read) <= len(first) + MOST_ITEMS + 1
    assert first + all_of(reading) == [*range(10 * MOST_ITEMS)]


def test_enough_ends_it_after_the_item_that_is_under_way() -> None:
    enough, closed = threading.Event(), threading.Event()

    def numbers() -> Generator[int]:
        try:
            yield 1
            enough.set()
            yield 2
            yield 3
        finally:
            closed.set()

    assert all_of(Reading(numbers, name="numbers", is_enough=enough.is_set)) == [1, 2]
    assert closed.is_set()


def test_what_was_read_but_not_taken_when_it_is_left_goes_to_late_too() -> None:
    def numbers() -> Generator[int]:
        yield 1
        yield 2

    late, told = list[int](), threading.Event()
    reading = Reading(numbers, name="numbers", late=lambda number: (late.append(number), told.set() if number == 2 else None))
    assert reading.join(PATIENCE_SECONDS)
    reading.leave()
    assert told.wait(PATIENCE_SECONDS)
    assert late == [1, 2]


def test_what_a_reading_that_was_left_still_brings_reaches_nobody_but_late() -> None:
    #  reading   1 ── hangs …………………………………… 2 (late) │ closed
    #  taker     1    nothing in time: leaves
    wakes, late, closed = threading.Event(), list[int](), threading.Event()

    def hangs() -> Generator[int]:
        try:
            yield 1
            assert wakes.wait(PATIENCE_SECONDS)
            yield 2
            yield 3
        finally:
            closed.set()

    reading = Reading(hangs, name="hangs", late=late.append)
    assert reading.take(PATIENCE_SECONDS) == [1]
    assert reading.take(0.0) == []
    reading.leave()
    assert not reading.join(0.0)
    wakes.set()
    assert reading.join(PATIENCE_SECONDS)
    assert late == [2]
    assert closed.is_set()
    assert reading.take(0.0) is None
