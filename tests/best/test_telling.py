"""How far it is: a line every few seconds where nobody looks at a terminal."""

import pytest

from stream_processor.best.telling import Lines, teller


def test_a_line_comes_every_few_seconds_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    lines = Lines(lambda: now[0])
    for second in range(12):
        now[0] = float(second)
        lines.at("a.mp4: scoring", second * 10, 200, "9.9x real time")
    assert capsys.readouterr().err.splitlines() == ["a.mp4: scoring: 25%, 9.9x real time", "a.mp4: scoring: 50%, 9.9x real time"]


def test_without_a_known_length_it_says_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    lines = Lines(lambda: now[0])
    now[0] = 6.0
    lines.at("a.mp4: scoring", 42.4, None)
    assert capsys.readouterr().err == "a.mp4: scoring: 42 s\n"


def test_there_is_no_bar_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with teller() as told:
        assert isinstance(told, Lines)
        told.say("done")
    assert capsys.readouterr().err == "done\n"
