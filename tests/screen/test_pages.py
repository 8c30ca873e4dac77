"""The dashboard's page, as text, at several sizes."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from stream_processor.dashboard import THEME
from stream_processor.logs.log import LogLine
from stream_processor.screen.pages import render
from stream_processor.screen.rates import Rate
from stream_processor.status import ChannelStatus
from tests.statuses import live

SIZES = [(80, 24), (200, 50), (100, 30), (40, 12), (20, 5), (1, 1)]


def page(channels: list[ChannelStatus], width: int = 80, height: int = 24, logs: int = 2, **speeds: float) -> str:
    console = Console(width=width, height=height, theme=THEME, file=io.StringIO(), record=True)
    lines = [LogLine("warning", f"20:15:0{number} warning lost the stream") for number in range(logs)]
    rates = {name: Rate(speed) for name, speed in speeds.items()}
    console.print(render(channels, 1700.0, width, height, lines, rates))
    return console.export_text()


def test_a_small_terminal_shows_all_that_matters() -> None:
    text = page([live()], summit1g=1.0)
    for what in [
        "summit1g  twitch.tv/summit1g",
        "LIVE  11:40",
        "stream 11:00   1.0x real time   lag 1.3 s",
        "1.50 ┼",
        "motion (farneback)",
        "+0.94  0.213",
        "-0.70",
        "no signal",
        "02:03–02:21      3.30  motion +4.1, loudness +2.0  20261120T201500Z-a.mp4",
        "not kept: no room",
        "ring 90 s, 66 of 256 MB   12 not analysed",
        "mqtt waiting (connection refused)   outbox 3 waiting",
        "warning lost the stream",
    ]:
        assert what in text


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("channels", [0, 1, 3, 40])
def test_a_page_never_is_larger_than_the_terminal(width: int, height: int, channels: int) -> None:
    lines = page([live(f"channel{number}") for number in range(channels)], width, height, logs=40).splitlines()
    assert len(lines) <= height
    assert max(cell_len(line) for line in lines) <= width


def test_a_large_terminal_is_filled_and_its_last_lines_are_the_log() -> None:
    lines = page([live()], 200, 50, logs=40).splitlines()
    assert len(lines) == 50
    assert lines[-1].startswith(" 20:15")


def test_several_channels_have_a_row_each_and_the_newest_highlight_s_channel_is_shown_in_full() -> None:
    quiet, loud = live("quiet"), live("loud")
    quiet.highlights.clear()
    quiet.state, quiet.detail = "reconnecting", "no data for 10 s"
    lines = page([quiet, loud], 120, 30, loud=1.0).splitlines()
    assert lines[0].split() == ["2", "channels", "1", "live", "1", "reconnecting", "11:40"]
    assert lines[2].split()[:2] == ["quiet", "reconnecting"]
    assert lines[2].rstrip().endswith("no data for 10 s")
    assert lines[3].split()[:5] == ["▸loud", "live", "1.0x", "1.3", "s"]
    assert lines[5].startswith(" loud  twitch.tv/loud")


def test_highlights_of_all_channels_come_newest_first_with_their_channel() -> None:
    first, second = live("first"), live("second")
    second.highlights[0].opened_at = 1300.0  # stream times do not compare: 123 s into the second is the newest of all
    lines = page([first, second], 120, 30).splitlines()
    place = next(number for number, line in enumerate(lines) if "── highlights" in line)
    assert [line.split()[:2] for line in lines[place + 1 : place + 4]] == [
        ["second", "02:03–02:21"],
        ["first", "03:21–03:27"],
        ["second", "03:21–03:27"],
    ]


@pytest.mark.parametrize("height", [12, 24, 40])
def test_with_many_channels_health_and_log_keep_their_place(height: int) -> None:
    lines = page([live(f"c{number}") for number in range(40)], 80, height, logs=40).splitlines()
    assert len(lines) == height
    assert any("rings 2640 of 10240 MB   480 not analysed" in line for line in lines)
    assert any("outbox 3 waiting" in line for line in lines)  # one outbox, not forty
    assert lines[-1].startswith(" 20:15") or height < 20


def test_a_long_wait_says_what_it_waits_for() -> None:
    channel = ChannelStatus("listen-live", "listen:rtmp://0.0.0.0:1935/live/***", 1000.0, "waiting", "waiting for the encoder")
    assert page([channel]).splitlines()[1].strip() == "waiting for the encoder"


def test_a_file_shows_how_far_it_is_and_how_long_it_will_take() -> None:
    channel = live()
    channel.total_seconds = 1320.0
    assert "stream 11:00 of 22:00 ██████······ 50%   01:50 left   6.0x real time" in page([channel], summit1g=6.0)


def test_warm_up_says_how_long_it_takes() -> None:
    channel = live()
    channel.warmup_left_seconds = 21.4
    assert "warming up, 21 s to go" in page([channel])


def test_names_from_outside_cannot_write_control_sequences_or_markup() -> None:
    channel = live()
    channel.source = "[red]x[/red]\x1b[31m\nnext"
    text = page([channel])
    assert "[red]x[/red]" in text
    assert "\x1b" not in text
    assert "next" in text.splitlines()[0]


def test_without_colour_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    Console(width=80, height=24, theme=THEME, file=out, force_terminal=True).print(render([live()], 1700.0, 80, 24))
    assert "\x1b[3" not in out.getvalue()
    assert "LIVE" in out.getvalue()
