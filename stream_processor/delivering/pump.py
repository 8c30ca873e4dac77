"""One sink's delivery: in order, at least once, through outages and kills.

The sink's cursor in the journal moves only after ``deliver`` has returned; what it refuses is offered again after a growing
wait, and all that follows waits with it. A sink that says ``per_channel = True`` refuses for one channel alone: that one's
alerts are held, behind a cursor of their own, while the others' go on.

    alerts      a1 b1 a2 b2 a3           a's folder cannot be written
    cursor      ─────────────▶           b1, b2 are delivered
    held: a    ▶a1    a2    a3           a1 is offered again and again, a2 and a3 behind it; then the cursor is right for a, too

Passing news (state, window) does not wait: its queue holds ``_MAX_NEWS`` events, drops the oldest and counts them.
One task calls the sink, one event after the other.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import structlog

from stream_processor.contracts import Sink
from stream_processor.delivering.lanes import Lane, wait_seconds
from stream_processor.errors import JournalError, SinkError
from stream_processor.records import Event
from stream_processor.redact import redact

_MAX_NEWS = 64
_BATCH = 32
_CLOSE_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Alerts(Protocol):
    """What delivery needs of the journal."""

    def subscribe(self, listener: Callable[[int], None]) -> None: ...
    async def events_after(self, sequence: int, limit: int, channel: str | None = None) -> Sequence[Event]: ...
    async def last_sequence(self) -> int: ...
    async def cursor(self, sink: str) -> int: ...
    async def move_cursor(self, sink: str, sequence: int) -> None: ...
    async def held(self, sink: str) -> Mapping[str, tuple[int, int]]: ...
    async def hold(self, sink: str, channel: str, sequence: int) -> None: ...
    async def release(self, sink: str, channel: str) -> None: ...
    async def expire(self, max_days: float, sinks: Sequence[str]) -> Mapping[str, int]: ...


@runtime_checkable
class Connected(Protocol):
    """What a sink that keeps a connection has besides: it knows best how that is, and when it is worth trying again."""

    status: str
    """For people: "connected", or what it waits for."""

    def when_ready(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` in the event loop whenever events can be taken again."""
        ...


class Pump:
    """One sink's task. While a lane of it rests after a refusal its alerts wait, but passing news is still told."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        journal: Alerts,
        sleep: Callable[[float], Awaitable[None]],
        chance: Callable[[], float],
    ) -> None:
        self._name = name
        self._sink = sink
        self._journal = journal
        self._sleep = sleep
        self._chance = chance
        self._news: deque[Event] = deque()
        self._work = asyncio.Event()
        self._common = Lane()
        self._held: dict[str, Lane] = {}
        self._is_per_channel = bool(getattr(sink, "per_channel", False))
        self._says = "starting"
        self._told_failure = ""
        self.idle = asyncio.Event()
        """Everything is delivered."""
        self.delivered = 0
        """Alerts, since the start."""
        self.news_dropped = 0
        self.failures = 0
        if isinstance(sink, Connected):
            sink.when_ready(self.hurry)

    @property
    def status(self) -> str:
        if troubles := [lane.says for lane in self._held.values() if lane.says]:
            return troubles[0] + (f" (and {len(troubles) - 1} more channels)" if len(troubles) > 1 else "")
        is_connected = isinstance(self._sink, Connected) and not self._says.startswith("failed")
        return str(self._sink.status) if is_connected else self._says  # type: ignore[attr-defined] # asked just before

    @property
    def cursor(self) -> int:
        """What comes up to here is delivered or counted in ``held``."""
        return self._common.cursor

    @property
    def held(self) -> int:
        """Alerts of channels for which alone the sink refuses."""
        return sum(lane.waiting for lane in self._held.values())

    async def oldest(self) -> float | None:
        """When the alert was made that waits longest: UTC, seconds since 1970. None: none waits."""
        lanes = [(self._common.cursor, None), *((lane.cursor, channel) for channel, lane in self._held.items())]
        first = [await self._journal.events_after(cursor, 1, channel) for cursor, channel in lanes]
        return min((events[0].created_at for events in first if events), default=None)

    async def begin(self) -> None:
        self._common.cursor = await self._journal.cursor(self._name)
        held = await self._journal.held(self._name)
        self._held = {channel: Lane(cursor, waiting) for channel, (cursor, waiting) in held.items()}

    async def pass_expired(self) -> None:
        """Alerts that are no more do not wait either."""
        last = await self._journal.last_sequence()  # first: what is appended meanwhile is above it
        left = await self._journal.events_after(self._common.cursor, 1)
        self._common.cursor = max(self._common.cursor, left[0].sequence - 1 if left else last)

    def wake(self) -> None:
        self.idle.clear()
        self._work.set()

    def offer(self, event: Event) -> None:
        if len(self._news) == _MAX_NEWS:
            self._news.popleft()
            self.news_dropped += 1
        self._news.append(event)
        self.wake()

    def hurry(self) -> None:
        """Try again now, and from now on with short rests again."""
        reconnect = getattr(self._sink, "hurry", None)
        if reconnect is not None:
            reconnect()
        for lane in self._lanes():
            lane.refused_in_a_row = 0
            lane.end_rest()
        self.wake()

    async def run(self) -> None:
        self.wake()
        is_open = False
        try:
            while True:
                await self._work.wait()
                self._work.clear()
                if not is_open and self._common.rest is None:
                    is_open = await self._attempt(self._sink.__aenter__())
                    if not is_open:
                        self._begin_rest(self._common)
                if is_open:
                    await self._send_alerts()
                    for channel in tuple(self._held):
                        await self._send_held(channel)
                    await self._send_news()
                if not self._work.is_set() and all(lane.rest is None for lane in self._lanes()):
                    self.idle.set()
        except JournalError as error:
            self._says = f"failed: {error}"
            raise
        finally:
            for lane in self._lanes():
                lane.end_rest()
            if is_open:
                await self._attempt(asyncio.wait_for(self._sink.__aexit__(None, None, None), _CLOSE_SECONDS))

    async def _send_alerts(self) -> None:
        lane = self._common
        while lane.rest is None and (batch := await self._journal.events_after(lane.cursor, _BATCH)):
            for event in batch:
                if event.channel in self._held:
                    self._held[event.channel].waiting += 1
                elif await self._attempt(self._sink.deliver(event)):
                    self.delivered += 1
                    lane.refused_in_a_row = 0
                    if lane.is_told:
                        lane.is_told = False
                        log.info("a sink takes alerts again", sink=self._name)
                elif self._is_per_channel:
                    await self._hold(event)
                else:
                    self._begin_rest(lane)
                    break
                await self._journal.move_cursor(self._name, event.sequence)
                lane.cursor = event.sequence

    async def _hold(self, event: Event) -> None:
        """Let the cursor pass this alert: it waits, with its channel's next ones, in a lane of its own."""
        await self._journal.hold(self._name, event.channel, event.sequence - 1)
        lane = self._held[event.channel] = Lane(event.sequence - 1, waiting=1)
        self._begin_rest(lane)
        log.warning("a channel's alerts wait", sink=self._name, channel=event.channel, reason=lane.says)

    async def _send_held(self, channel: str) -> None:
        """What the cursor has passed of it; then the channel is one of the others again."""
        lane = self._held[channel]
        while lane.rest is None:
            batch = await self._journal.events_after(lane.cursor, _BATCH, channel)
            passed = [event for event in batch if event.sequence <= self.cursor]
            if not passed:
                await self._journal.release(self._name, channel)
                del self._held[channel]
                log.info("a channel's alerts go on", sink=self._name, channel=channel)
                return
            for event in passed:
                if not await self._attempt(self._sink.deliver(event)):
                    self._begin_rest(lane)
                    break
                self.delivered += 1
                await self._journal.hold(self._name, channel, event.sequence)
                lane.cursor = event.sequence
                lane.waiting -= 1
                lane.refused_in_a_row, lane.says = 0, ""

    async def _send_news(self) -> None:
        while self._news:
            if not await self._attempt(self._sink.deliver(self._news.popleft())):
                self.news_dropped += 1

    async def _attempt(self, asked: Awaitable[object]) -> bool:
        """Whether the sink did what it was asked. Sinks may come from anywhere: whatever one raises stays its own trouble."""
        try:
            await asked
        except SinkError as error:
            self._says = f"waiting: {error}"
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and (task := asyncio.current_task()) and task.cancelling():
                raise  # it is we who are to end
            reason = redact(f"{type(error).__name__}: {error}")
            self._says = f"failed: {reason}"
            if reason != self._told_failure:  # the same one at every attempt of a long night is told once
                self._told_failure = reason
                log.warning("a sink failed; it is asked again later", sink=self._name, reason=reason)
        else:
            self._says, self._told_failure = "connected", ""
            return True
        self.failures += 1
        return False

    def _lanes(self) -> list[Lane]:
        return [self._common, *self._held.values()]

    def _begin_rest(self, lane: Lane) -> None:
        """After an attempt that has failed."""
        lane.says = self._says
        lane.refused_in_a_row += 1
        if lane is self._common and not lane.is_told and not isinstance(self._sink, Connected):  # which tells it itself
            lane.is_told = True
            log.warning("alerts wait for a sink", sink=self._name, reason=self._says)
        seconds = wait_seconds(lane.refused_in_a_row, self._chance())
        lane.rest = asyncio.create_task(self._rest_for(lane, seconds), name=f"sink {self._name} rests")

    async def _rest_for(self, lane: Lane, seconds: float) -> None:
        await self._sleep(seconds)
        lane.rest = None
        self._work.set()
