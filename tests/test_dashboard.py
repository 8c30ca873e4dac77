import io
import math

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from stream_processor.dashboard import THEME, Dashboard, Speedometer, render
from stream_processor.log import LogLine, LogPanel
from stream_processor.panels import bar, clock, fit
from stream_processor.status import ChannelStatus, HighlightRow, Point

SIZES = [(80, 24), (200, 50), (100, 30), (40, 12), (20, 5), (1, 1)]


def live(name: str = "summit1g") -> ChannelStatus:
    channel = ChannelStatus(name, f"twitch.tv/{name}", started_at=1000.0, state="live", stream_seconds=660.0, lag_seconds=1.3)
    channel.scorers = {"motion": "farneback", "novelty": "light", "loudness": "rms"}
    channel.values = {"motion": 0.213, "novelty": 0.0312}
    channel.deviations = {"motion": 0.94, "novelty": -0.7}
    channel.curve.extend(Point(3.0 * number, 3.0 if 40 < number < 46 else 0.5, 1.5) for number in range(220))
    channel.highlights.append(
        HighlightRow("a", 123, 141, 3.3, "motion +4.1, loudness +2.0", "20261120T201500Z-a.mp4", written=True)
    )
    channel.highlights.append(HighlightRow("b", 201, 207, 2.2, "loudness +3.0", "not kept: no room"))
    channel.ring_seconds, channel.ring_mb, channel.ring_max_mb = 90, 66, 256
    channel.sinks = {"mqtt": "waiting (connection refused)"}
    channel.outbox_waiting = 3
    channel.frames_dropped = 12
    return channel


def page(channels: list[ChannelStatus], width: int = 80, height: int = 24, logs: int = 2, **speeds: float) -> str:
    console = Console(width=width, height=height, theme=THEME, file=io.StringIO(), record=True)
    lines = [LogLine("warning", f"20:15:0{number} warning lost the stream") for number in range(logs)]
    console.print(render(channels, 1700.0, width, height, lines, speeds))
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
        "ring 90 s, 66 of 256 MB   12 frames dropped",
        "mqtt waiting (connection refused)   outbox 3 waiting",
        "warning lost the stream",
    ]:
        assert what in text


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("channels", [0, 1, 3])
def test_a_page_never_is_larger_than_the_terminal(width: int, height: int, channels: int) -> None:
    lines = page([live(f"channel{number}") for number in range(channels)], width, height, logs=40).splitlines()
    assert len(lines) <= height
    assert max(cell_len(line) for line in lines) <= width


def test_a_large_terminal_is_filled_and_its_last_lines_are_the_log() -> None:
    lines = page([live()], 200, 50, logs=40).splitlines()
    assert len(lines) == 50
    assert lines[-1].startswith(" 20:15")


def test_several_channels_have_a_line_each_and_the_newest_highlight_s_channel_is_shown_in_full() -> None:
    quiet, loud = live("quiet"), live("loud")
    quiet.highlights.clear()
    quiet.state = "reconnecting"
    lines = page([quiet, loud], 120, 30, quiet=0.0).splitlines()
    assert lines[0].split()[:3] == ["quiet", "reconnecting", "0.0x"]
    assert lines[1].split()[:2] == ["loud", "live"]
    assert lines[2].startswith(" loud  twitch.tv/loud")


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


def test_speed_is_that_of_the_last_ten_seconds() -> None:
    channel, speeds = live(), Speedometer()
    seen = {}
    for now in range(31):  # 0–20 s: waiting; from then on twice real time
        channel.stream_seconds = max(0, now - 20) * 2.0
        seen[now] = speeds.look([channel], float(now))
    assert seen[0] == {}
    assert seen[20] == {"summit1g": 0.0}
    assert seen[30] == {"summit1g": 2.0}


def test_the_terminal_is_given_back_and_hidden_warnings_are_said_again(capsys: pytest.CaptureFixture[str]) -> None:
    panel = LogPanel()
    panel.lines.append(LogLine("warning", "hidden"))
    out = io.StringIO()
    dashboard = Dashboard([live()], panel, Console(file=out, force_terminal=True, width=80, height=24, theme=THEME))
    dashboard.start()
    dashboard.tick(1700.0)
    dashboard.stop()
    written = out.getvalue()
    assert written.index("\x1b[?1049h") < written.index("\x1b[?1049l")
    assert "\x1b[?25h" in written[written.index("\x1b[?1049h") :]
    assert capsys.readouterr().err == "hidden\n"


class Gone(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError(5, "Input/output error")


def test_a_terminal_that_goes_away_is_told_once_and_ends_nothing() -> None:
    dashboard = Dashboard([live()], LogPanel(), Console(file=Gone(), force_terminal=True, width=80, height=24, theme=THEME))
    dashboard.start()
    dashboard.tick(1700.0)
    with structlog.testing.capture_logs() as lines:
        dashboard.stop()
    assert [line["event"] for line in lines] == ["the dashboard was lost with its terminal"]


@given(st.floats(), st.integers(0, 50))
def test_a_bar_has_its_length_whatever_the_share(share: float, cells: int) -> None:
    assert len(bar(share, cells)) == cells


@given(st.text(max_size=40), st.integers(0, 30))
def test_a_text_is_fitted_to_the_cell(text: str, cells: int) -> None:
    assert cell_len(fit(text, cells)) == cells


def test_times_are_written_as_on_a_clock() -> None:
    assert [clock(seconds) for seconds in (0, 59.9, 751, 3661, math.nan)] == ["00:00", "00:59", "12:31", "1:01:01", "--:--"]
