"""The dashboard of ``--ui rich``: a page of text that a streamer can leave open beside OBS.

``render`` is pure. ``Dashboard`` composes a page in the event loop and paints it in a thread of its own, so that a terminal that
stands still (scrolled back, text being selected) never holds up the stream. rich's redirection of stdout and stderr is
off: it has deadlocked asyncio programs.
"""

import threading
from collections import deque
from collections.abc import Sequence

import structlog
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text
from rich.theme import Theme

from stream_processor import panels
from stream_processor.curve import draw
from stream_processor.log import LogLine, LogPanel
from stream_processor.records import Event
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
_LOG_STYLES = {"warning": "warn", "error": "bad", "critical": "bad", "debug": "dim"}
_SPEED_SECONDS = 10.0
_JOIN_SECONDS = 2.0

log = structlog.get_logger(__name__)


def render(
    channels: Sequence[ChannelStatus],
    now: float,
    width: int,
    height: int,
    logs: Sequence[LogLine] = (),
    speeds: dict[str, float] | None = None,
) -> RenderableType:
    """A page of at most ``height`` lines of at most ``width`` cells. ``now`` is monotonic, ``speeds`` stream seconds per second.

    With several channels there is one line for each, and below it the one with the newest highlight in full.
    """
    speeds = speeds or {}
    if not channels:
        return Group(Text(panels.fit(" starting …", width), style="busy"))
    channel = max(channels, key=lambda one: one.highlights[-1].start_seconds if one.highlights else -1.0)
    lines = panels.overview(channels, speeds, width) if len(channels) > 1 else []
    lines += [panels.title(channel, now, width), panels.pulse(channel, speeds.get(channel.channel), width)]
    signals = [panels.rule("signals: how far above their own history", width), *panels.signals(channel, width)]
    health = [panels.rule("health", width), *panels.health(channel, width)]
    left = height - len(lines) - len(signals) - len(health) - 3  # three more rules
    curve_height, highlights_height, log_height = _share(left)
    spans = [(row.start_seconds, row.end_seconds) for row in channel.highlights]
    lines += [panels.rule("score and threshold", width), *draw(channel.curve, spans, width, curve_height)]
    lines += signals
    lines += [panels.rule("highlights", width), *panels.highlights(channel.highlights, width, highlights_height)]
    lines += [*[Text("")] * (height - len(lines) - len(health) - 1 - min(log_height, len(logs))), *health]
    lines += [panels.rule("log", width), *_log(logs, width, log_height)]
    return Group(*lines[:height])


def _share(lines: int) -> tuple[int, int, int]:
    """How many lines curve, highlights and log get: 3 of 7, 2 of 7 and the rest, the curve at most 16."""
    curve = min(max(lines * 3 // 7, 3), 16)
    highlights = max((lines - curve) * 3 // 5, 1)
    return curve, highlights, max(lines - curve - highlights, 0)


def _log(logs: Sequence[LogLine], width: int, height: int) -> list[Text]:
    newest = list(logs)[-height:] if height > 0 else []
    return [Text(panels.fit(f" {line.text}", width), style=_LOG_STYLES.get(line.level, ""), no_wrap=True) for line in newest]


class Speedometer:
    """Stream seconds per second over the last ten."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[float, float]]] = {}

    def look(self, channels: Sequence[ChannelStatus], now: float) -> dict[str, float]:
        speeds = {}
        for channel in channels:
            seen = self._seen.setdefault(channel.channel, deque())
            seen.append((now, channel.stream_seconds))
            while now - seen[0][0] > _SPEED_SECONDS:
                seen.popleft()
            passed = now - seen[0][0]
            if passed >= 1:
                speeds[channel.channel] = (channel.stream_seconds - seen[0][1]) / passed
        return speeds


class Dashboard:
    """A Face on the whole terminal. After ``stop`` the terminal is as it was, and warnings that it hid are said again."""

    every_seconds = 0.25

    def __init__(self, channels: Sequence[ChannelStatus], panel: LogPanel, console: Console | None = None) -> None:
        self._channels = channels
        self._panel = panel
        self._console = console or Console(theme=THEME)
        self._speeds = Speedometer()
        self._painter = _Painter(self._console)

    def start(self) -> None:
        self._painter.start()

    def tick(self, now: float) -> None:
        width, height = self._console.size
        speeds = self._speeds.look(self._channels, now)
        self._painter.show(render(self._channels, now, width, height, list(self._panel.lines), speeds))

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
