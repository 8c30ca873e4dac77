import logging

import pytest

from stream_processor.logs.log_gate import Gate
from stream_processor.logs.repeats import FIRST, WINDOW_SECONDS


class Said(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def screen() -> Said:
    return Said()


@pytest.fixture
def gate(screen: Said, clock: Clock) -> Gate:
    return Gate([screen], clock)


def line(gate: Gate, words: object, level: int = logging.WARNING) -> None:
    gate.handle(logging.LogRecord("part", level, "", 0, words, (), None))


def test_a_flood_of_one_warning_becomes_a_few_lines_and_a_count(gate: Gate, screen: Said, clock: Clock) -> None:
    for _ in range(FIRST + 214):
        line(gate, "the disk is full")
    clock.now = WINDOW_SECONDS + 1
    line(gate, "all is well", logging.INFO)
    assert screen.lines == ["the disk is full"] * FIRST + ["the disk is full: and 214 more within a minute", "all is well"]


def test_news_is_never_left_out(gate: Gate, screen: Said) -> None:
    for number in range(500):
        line(gate, {"event": "clip written", "channel": "one", "number": number}, logging.INFO)
    assert len(screen.lines) == 500


def test_numbers_make_no_other_line_but_channels_do(gate: Gate, screen: Said) -> None:
    for attempt in range(10):
        for channel in ("one", "two"):
            line(gate, {"event": "lost the stream", "channel": channel, "attempt": attempt})
    assert len(screen.lines) == 2 * FIRST
    gate.flush()
    assert screen.lines[-2:] == [f"lost the stream: and 7 more within a minute, of {channel}" for channel in ("one", "two")]


def test_neither_do_numbers_and_numbered_names_in_the_words(gate: Gate, screen: Said) -> None:
    for number in range(100, 110):
        line(gate, f"streamlink: segment {number} (seg-4f{number}.ts): 404")
        line(gate, {"event": f"streamlink: part {number}"})
    assert len(screen.lines) == 2 * FIRST
    gate.flush()
    assert screen.lines[-2] == "streamlink: segment # (seg-#.ts): #: and 7 more within a minute"


def test_every_handler_gets_each_line(clock: Clock) -> None:
    handlers = [Said(), Said()]
    line(Gate(handlers, clock), "once")
    assert [handler.lines for handler in handlers] == [["once"], ["once"]]
