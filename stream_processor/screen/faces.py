"""What people see of a run: a dashboard, log lines or JSON lines. ``async with face_for(...) as face`` keeps it moving.

A face reads the channels' statuses at every tick and is told events; it owns no queue and changes nothing.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TextIO

import structlog

from stream_processor.logs.log import LogPanel, write_line
from stream_processor.records import Event
from stream_processor.screen.rates import Rates, trouble
from stream_processor.status import ChannelStatus

Ui = Literal["rich", "plain", "json"]
_PROGRESS_SECONDS = 10.0
_A_FEW = 4
"""Channels with lines of their own."""

log = structlog.get_logger(__name__)


class Face(Protocol):
    """Used from one event loop. ``every_seconds`` says how often it wants its tick."""

    every_seconds: float

    def start(self) -> None: ...

    def tick(self, now: float) -> None:
        """Show how things are. ``now`` is monotonic seconds."""
        ...

    def tell(self, event: Event) -> None:
        """An alert, state or window of some channel."""
        ...

    def stop(self) -> None:
        """Give the terminal back."""
        ...


def settle(ui: Literal["auto", "rich", "plain", "json"], is_terminal: bool | None = None) -> Ui:
    """``auto`` is a dashboard where standard output is a terminal, log lines elsewhere."""
    if ui != "auto":
        return ui
    if is_terminal is None:
        is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return "rich" if is_terminal else "plain"


def face_for(ui: Ui, channels: Sequence[ChannelStatus], panel: LogPanel) -> "Ticking":
    """The face for ``ui``, ready for ``async with``. rich is imported only for the dashboard."""
    if ui == "rich":
        from stream_processor.dashboard import Dashboard

        return Ticking(Dashboard(channels, panel))
    return Ticking(Plain(channels) if ui == "plain" else Json(channels, sys.stdout))


class Ticking:
    """Starts a face, gives it its ticks, and stops it, whatever happens in between."""

    def __init__(self, face: Face, clock: Callable[[], float] = time.monotonic) -> None:
        self._face = face
        self._clock = clock

    async def __aenter__(self) -> Face:
        self._face.start()
        self._task = asyncio.create_task(self._tick(), name="face")
        return self._face

    async def __aexit__(self, *exc: object) -> None:
        self._task.cancel()
        try:
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.result()
        finally:
            self._face.stop()

    async def _tick(self) -> None:
        while True:
            self._face.tick(self._clock())
            await asyncio.sleep(self._face.every_seconds)


class Plain:
    """Log lines: alerts and changes of state as they come, and every ten seconds how far it is.

    With more than a few channels one line for all of them, and one for each of a few that are in trouble.
    """

    every_seconds = _PROGRESS_SECONDS

    def __init__(self, channels: Sequence[ChannelStatus]) -> None:
        self._channels = channels
        self._rates = Rates()

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def tick(self, now: float) -> None:
        shown = list(self._channels)
        if len(shown) > _A_FEW:
            rates = self._rates.look(shown, now)
            troubled = [channel for channel in shown if trouble(channel, rates.get(channel.channel))]
            log.info("progress", **together(shown, len(troubled)))
            shown = troubled[:_A_FEW]
        for channel in shown:
            log.info("progress", **progress(channel, now))

    def tell(self, event: Event) -> None:
        payload = event.payload
        if event.type == "state":
            log.info("state", channel=event.channel, **{key: value for key, value in payload.items() if value})
        elif event.type == "new":
            log.info("highlight", **_alert(event, "id", "start_time", "score", "threshold", "reason"))
        elif event.type == "end" and payload.get("filename"):
            log.info("clip written", **_alert(event, "id", "filename", "start_time", "duration"))
        elif event.type == "end" and not payload.get("kept", True):
            log.info("no clip is kept", **_alert(event, "id", "start_time", "clip_reason"))
        elif event.type == "end":
            log.info("no clip", **_alert(event, "id", "start_time", "clip_reason"))


class Json:
    """JSON lines on ``out``, between those of the log: ``type`` is log, progress, or an event's own."""

    every_seconds = _PROGRESS_SECONDS

    def __init__(self, channels: Sequence[ChannelStatus], out: TextIO) -> None:
        self._channels = channels
        self._out = out

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def tick(self, now: float) -> None:
        for channel in self._channels:
            self._write({"type": "progress", **progress(channel, now), "deviations": channel.deviations})

    def tell(self, event: Event) -> None:
        line = {"type": event.type, "channel": event.channel}
        self._write({**line, "highlight": event.payload} if event.is_alert else {**line, **event.payload})

    def _write(self, line: dict[str, Any]) -> None:
        write_line(json.dumps(line, ensure_ascii=False), self._out)


def progress(channel: ChannelStatus, now: float) -> dict[str, Any]:
    """How far a channel is, for a line. ``speed`` is stream seconds per second since the start."""
    passed = now - channel.started_at
    line: dict[str, Any] = {
        "channel": channel.channel,
        "state": channel.state,
        "stream_seconds": round(channel.stream_seconds, 1),
        "speed": round(channel.stream_seconds / passed, 2) if passed > 0 else 0.0,
        "lag_seconds": round(channel.lag_seconds, 1),
        "windows": channel.windows,
        "highlights": channel.highlights_opened,
        "clips": channel.clips_written,
    }
    if channel.total_seconds:
        line["total_seconds"] = round(channel.total_seconds, 1)
    dropped = channel.frames_dropped + channel.packets_dropped
    if dropped:
        line["dropped"] = dropped
    if channel.outbox_waiting:
        line["outbox_waiting"] = channel.outbox_waiting
    if channel.detail:
        line["detail"] = channel.detail
    return line


def together(channels: Sequence[ChannelStatus], in_trouble: int) -> dict[str, Any]:
    """How far all of them are, for a line. ``lag_seconds`` is the largest."""
    states: Counter[str] = Counter(channel.state for channel in channels)
    line: dict[str, Any] = {
        "channels": len(channels),
        **states,
        "lag_seconds": round(max((channel.lag_seconds for channel in channels), default=0.0), 1),
        "windows": sum(channel.windows for channel in channels),
        "highlights": sum(channel.highlights_opened for channel in channels),
        "clips": sum(channel.clips_written for channel in channels),
    }
    further = {
        "dropped": sum(channel.frames_dropped + channel.packets_dropped for channel in channels),
        "outbox_waiting": max((channel.outbox_waiting for channel in channels), default=0),  # all have the same outbox
        "in_trouble": in_trouble,
    }
    return line | {name: number for name, number in further.items() if number}


def _alert(event: Event, *keys: str) -> dict[str, Any]:
    return {"channel": event.channel, **{key: event.payload[key] for key in keys if event.payload.get(key) is not None}}
