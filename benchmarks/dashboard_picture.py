"""The picture of the dashboard in the README, taken of a real run of the demo.

``uv run python -m benchmarks.dashboard_picture docs/dashboard.svg``
"""

import io
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from stream_processor import app
from stream_processor.configuring.options import ChannelOptions, Options
from stream_processor.dashboard import THEME
from stream_processor.logs.log import LogLine, LogPanel
from stream_processor.records import Event
from stream_processor.screen import faces
from stream_processor.screen.pages import render
from stream_processor.screen.rates import Rate, Rates
from stream_processor.settings import OutputSettings, Settings
from stream_processor.status import ChannelStatus

WIDTH, HEIGHT = 100, 30
WHEN_SECONDS = 228.0
"""Stream time of the exposure: all bursts of the demo are over, and it still runs."""


def picture(channels: Sequence[ChannelStatus], now: float, logs: Sequence[LogLine], rates: Mapping[str, Rate], title: str) -> str:
    """The page as SVG. ``now`` is monotonic seconds."""
    console = Console(width=WIDTH, height=HEIGHT, theme=THEME, record=True, file=io.StringIO(), force_terminal=True)
    console.print(render(channels, now, WIDTH, HEIGHT, logs, rates))
    svg = console.export_svg(title=title)
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # no fonts from elsewhere


class Camera:
    """A face that looks on, and takes one picture."""

    every_seconds = 0.25

    def __init__(self, channels: Sequence[ChannelStatus], panel: LogPanel, target: Path) -> None:
        self._channels = channels
        self._panel = panel
        self._target = target
        self._rates = Rates()
        self._taken = False

    def start(self) -> None: ...

    def tick(self, now: float) -> None:
        rates = self._rates.look(self._channels, now)
        if not self._taken and any(channel.stream_seconds >= WHEN_SECONDS for channel in self._channels):
            self._taken = True
            svg = picture(self._channels, now, list(self._panel.lines), rates, "uv run main --stream demo")
            self._target.write_text(svg, encoding="utf-8")

    def tell(self, event: Event) -> None: ...

    def stop(self) -> None: ...


def main(target: Path) -> None:
    app.face_for = lambda _, channels, panel: faces.Ticking(Camera(channels, panel, target))  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(output=OutputSettings(folder=Path(folder)))
        app.watch(Options((ChannelOptions("demo", "demo", settings),), settings, ui="rich"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
