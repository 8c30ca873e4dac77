"""Lines that go to a file which answers when the test says so.

::

    logged     a b c d …
    file       a ── hangs ──────── answers: b c d …
    caller     never waits
"""

import logging
import threading
from collections.abc import Iterator

import pytest

from stream_processor.logs import log_apart
from stream_processor.logs.log_apart import MOST_LINES, Apart
from tests.faults.watched import wait_until


class File:
    """Writes while ``answers`` is set."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.threads: set[str] = set()
        self.answers = threading.Event()
        self.answers.set()
        self.is_hanging = threading.Event()
        self.is_closed = False

    def write(self, line: str) -> None:
        self.threads.add(threading.current_thread().name)
        if not self.answers.is_set():
            self.is_hanging.set()
            assert self.answers.wait(60)
        self.lines.append(line)

    def close(self) -> None:
        self.is_closed = True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file() -> Iterator[File]:
    made = File()
    yield made
    made.answers.set()  # whoever hangs ends


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def apart(file: File, clock: Clock) -> Iterator[Apart]:
    """It hears the logger that says what is wrong with it, as the root's handlers do."""
    made = Apart(file, clock=clock)
    log_apart.log.addHandler(made)
    yield made
    log_apart.log.removeHandler(made)


def say(apart: Apart, *lines: object) -> None:
    for line in lines:
        apart.handle(logging.LogRecord("part", logging.INFO, "", 0, line, (), None))


def hang(apart: Apart, file: File) -> None:
    file.answers.clear()
    say(apart, "hangs")
    assert file.is_hanging.wait(60)


def test_lines_come_in_order_and_the_thread_is_there_only_for_them(apart: Apart, file: File) -> None:
    expected = [str(number) for number in range(500)]
    say(apart, *expected)
    apart.flush()
    assert file.lines == expected
    assert file.threads == {"log file"}
    wait_until(lambda: all(thread.name != "log file" for thread in threading.enumerate()), "its thread ends")


def test_a_line_says_what_was_when_it_was_logged(apart: Apart, file: File) -> None:
    hang(apart, file)
    changing = ["before"]
    say(apart, changing)
    changing[0] = "after"
    file.answers.set()
    apart.flush()
    assert file.lines == ["hangs", "['before']"]


def test_a_file_that_hangs_holds_nobody_up_and_loses_only_what_is_beyond_the_bound(
    apart: Apart, file: File, caplog: pytest.LogCaptureFixture
) -> None:
    hang(apart, file)
    say(apart, *(str(number) for number in range(MOST_LINES + 7)))  # whoever waited here would wait for good
    file.answers.set()
    apart.flush()
    says = "the log file answers again: 7 lines were lost meanwhile"
    assert file.lines == ["hangs", *(str(number) for number in range(MOST_LINES)), says]
    assert [record.getMessage() for record in caplog.records] == [says]


def test_one_that_does_not_answer_is_said_once_and_once_when_it_does(
    apart: Apart, file: File, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    hang(apart, file)
    clock.now = 5.0
    say(apart, "in time")
    clock.now = 5.1
    say(apart, "late", "later")
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["the log file does not answer"]
    file.answers.set()
    apart.flush()
    assert [record.getMessage().partition(":")[0] for record in caplog.records[1:]] == ["the log file answers again"]


def test_what_came_long_after_the_line_before_it_is_not_late(
    apart: Apart, file: File, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    say(apart, "one")
    apart.flush()
    clock.now = 3600.0
    say(apart, "another")
    apart.flush()
    assert caplog.records == []


def test_the_end_waits_only_so_long_and_leaves_the_file_to_whoever_hangs_in_it(
    apart: Apart, file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_apart, "_FLUSH_SECONDS", 0.01)
    hang(apart, file)
    apart.close()
    assert not file.is_closed
    file.answers.set()
    wait_until(lambda: not apart._is_writing, "it answers")
    apart.close()
    assert file.is_closed


def test_an_interpreter_that_takes_no_more_threads_still_writes_its_last_lines(
    apart: Apart, file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    say(apart, "last words")
    assert file.lines == ["last words"]
