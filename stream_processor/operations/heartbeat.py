"""The event loop's own beat: it looks after the channels' health, says what hangs, and pings systemd's watchdog.

Everything that a beat does is quick. That it comes at all is the proof that the loop turns.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence

import structlog

from stream_processor.decoding.falling_behind import FallingBehind
from stream_processor.operations.health import Health
from stream_processor.operations.notify import Notifier
from stream_processor.settings import HealthSettings
from stream_processor.status import STATES, ChannelStatus

BEAT_SECONDS = 1.0
STATUS_SECONDS = 10.0
"""How often systemd is told in a line how it goes, where that has changed."""
END_SECONDS = 30.0
"""While the program ends, systemd is asked at each beat to wait for so long after it."""

log = structlog.get_logger(__name__)


class Heartbeat:
    """``run`` it as a task. ``channels`` is looked at anew at every beat; ``each_beat`` is called at its end."""

    def __init__(
        self,
        health: Health,
        notifier: Notifier,
        channels: Sequence[ChannelStatus],
        settings: HealthSettings,
        each_beat: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._health = health
        self._notifier = notifier
        self._channels = channels
        self._settings = settings
        self._each_beat = each_beat
        self._clock = clock
        self._pinged_at = self._told_at = clock()
        self._told = ""
        self._hanging: dict[str, str] = {}
        self._behind = FallingBehind()
        self._is_watching = False
        self._is_ending = False

    @property
    def every_seconds(self) -> float:
        watchdog_seconds = self._notifier.watchdog_seconds
        return BEAT_SECONDS if watchdog_seconds is None else min(BEAT_SECONDS, watchdog_seconds / 8)

    async def run(self) -> None:
        try:
            while True:
                self.beat()
                await asyncio.sleep(self.every_seconds)
        except Exception:  # raised again at the end, which may be weeks away
            log.exception("health is looked after no more")
            raise

    def watching(self) -> None:
        """READY=1: settings are good, the journal is open, and what can be watched is, from now on.

        Not at the first packet: a channel may be offline for days, and systemd would take that for a start that fails.
        """
        self._is_watching = True
        self._told, self._told_at = self._sentence(), self._clock()
        self._notifier.tell(READY=1, STATUS=self._told)

    def ending(self) -> None:
        """STOPPING=1, once; from then on every beat asks for a little more time: clips are cut and alerts delivered."""
        if not self._is_ending:
            self._is_ending = True
            self._notifier.tell(STOPPING=1, STATUS="closing what is open")
            self._extend()

    def beat(self) -> None:
        passed = self._health.look(self._channels)
        if passed > self._settings.loop_seconds:
            log.warning("the program stood still: suspended, or the machine was too busy", seconds=round(passed, 1))
        self._say_what_hangs()
        now = self._clock()
        self._behind.look(self._channels, now)
        if self._is_ending:
            self._extend()
        watchdog_seconds = self._notifier.watchdog_seconds
        if watchdog_seconds is not None and now - self._pinged_at >= watchdog_seconds / 2 - self.every_seconds / 2:
            if not self._hanging or self._is_ending:  # the end is bounded by itself
                self._notifier.tell(WATCHDOG=1)
            self._pinged_at = now
        if self._is_watching and not self._is_ending and now - self._told_at >= STATUS_SECONDS:
            self._told_at = now
            if (words := self._sentence()) != self._told:
                self._told = words
                self._notifier.tell(STATUS=words)
        self._each_beat()

    def _extend(self) -> None:
        self._notifier.tell(EXTEND_TIMEOUT_USEC=int(END_SECONDS * 1e6))

    def _sentence(self) -> str:
        return "; ".join([sentence(self._channels), *(f"{channel}: {what}" for channel, what in self._hanging.items())])

    def _say_what_hangs(self) -> None:
        hanging = self._health.hanging()
        for channel, what in hanging.items():
            if channel not in self._hanging:
                has_watchdog = self._notifier.watchdog_seconds is not None
                then = "systemd starts the program again unless it goes on" if has_watchdog else "start the program again"
                log.error(f"scoring hangs: {then}", channel=channel, reason=what)
        for channel in self._hanging:
            if channel not in hanging:
                log.info("the channel is scored again, or has ended", channel=channel)
        self._hanging = hanging


def sentence(channels: Sequence[ChannelStatus]) -> str:
    """How it goes, in a line: ``2 channels: 1 live, 1 waiting; lag 1.3 s; 12 highlights, 11 clips; 3 alerts wait``."""
    states = Counter(channel.state for channel in channels)
    live = [channel.lag_seconds for channel in channels if channel.state == "live"]
    waiting = max((channel.outbox_waiting for channel in channels), default=0)  # all have the same outbox
    found = sum(channel.highlights_opened for channel in channels)
    wrote, lost = sum(channel.clips_written for channel in channels), sum(channel.clips_lost for channel in channels)
    return "; ".join(
        [
            f"{_some(len(channels), 'channel')}: " + ", ".join(f"{states[state]} {state}" for state in STATES if states[state]),
            *([f"lag {max(live):.1f} s"] if live else []),
            f"{_some(found, 'highlight')}, {_some(wrote, 'clip')}" + (f", {_some(lost, 'clip')} lost" if lost else ""),
            *([f"{_some(waiting, 'alert')} waiting"] if waiting else []),
        ]
    )


def _some(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
