"""The dashboard and the terminal that it takes and gives back. What it shows is in test_pages."""

import io

import pytest
import structlog
from rich.console import Console

from stream_processor.dashboard import THEME, Dashboard
from stream_processor.logs.log import LogLine, LogPanel
from tests.statuses import live


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
