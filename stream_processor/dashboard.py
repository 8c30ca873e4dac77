"""The dashboard of ``--ui rich``: a page of text that a streamer can leave open beside OBS.

``Dashboard`` composes a page in the event loop and paints it in a thread of its own, so that a terminal that
stands still (scrolled back, text being selected) never holds up the stream. rich's redirection of stdout and stderr is
off: it has deadlocked asyncio programs.
"""

import threading
from collections.abc import Sequence

import structlog
from rich.console import Console, RenderableType
from rich.live import Live
from rich.theme import Theme

from stream_processor.logs.log import LogPanel
from stream_processor.records import Event
from stream_processor.screen.pages import render
from stream_processor.screen.rates import Rates
from stream_processor.status import ChannelStatus

THEME = Theme(
    {
        "title": "bold",
        "good": "bold green",
        "busy": "yellow",
        "warn": "yellow",
        "bad": "bold red",
        "rule": "dim",
        "above": "bright_magenta",
        "below": "blue",
        "threshold": "yellow",
        "highlight": "bold bright_magenta",
    }
)
_JOIN_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Dashboard:
    """A Face on the whole terminal. After ``stop`` the terminal is as it was, and warnings that it hid are said again."""

    every_seconds = 0.25

    def __init__(self, channels: Sequence[ChannelStatus], panel: LogPanel, console: Console | None = None) -> None:
        self._channels = channels
        self._panel = panel
        self._console = console or Console(theme=THEME)
        self._rates = Rates()
        self._painter = _Painter(self._console)

    def start(self) -> None:
        self._painter.start()

    def tick(self, now: float) -> None:
        width, height = self._console.size
        rates = self._rates.look(self._channels, now)
        self._painter.show(render(self._channels, now, width, height, list(self._panel.lines), rates))

    def tell(self, event: Event) -> None:
        """Nothing: the page shows what the statuses say."""

    def stop(self) -> None:
        failure = self._painter.stop()
        self._panel.let_through()
        if failure is not None:
            log.warning("the dashboard was lost with its terminal", reason=str(failure))


class _Painter:
    """Paints the newest page; a page that comes while it is still painting replaces the one that waits (at most one)."""

    def __init__(self, console: Console) -> None:
        self._live = Live(
            console=console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._changed = threading.Condition()
        self._page: RenderableType | None = None
        self._is_over = False
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="dashboard", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def show(self, page: RenderableType) -> None:
        with self._changed:
            self._page = page
            self._changed.notify()

    def stop(self) -> OSError | None:
        """Give the terminal back. A terminal that stands still for two seconds is left as it is: the program ends anyway."""
        with self._changed:
            self._is_over = True
            self._changed.notify()
        self._thread.join(_JOIN_SECONDS)
        return self._failure

    def _run(self) -> None:
        try:
            with self._live:
                while (page := self._next()) is not None:
                    self._live.update(page, refresh=True)
        except OSError as error:
            self._failure = error

    def _next(self) -> RenderableType | None:
        with self._changed:
            self._changed.wait_for(lambda: self._page is not None or self._is_over)
            page, self._page = self._page, None
            return None if self._is_over else page
