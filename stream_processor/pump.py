"""One sink's delivery: in order, at least once, through outages and kills.

The sink's cursor in the journal moves only after ``deliver`` has returned; what it refuses is offered again after a growing
wait. Passing news (state, window) does not wait: its queue holds ``_MAX_NEWS`` events, drops the oldest and counts them.
One task calls the sink, one event after the other.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import structlog

from stream_processor.contracts import Sink
from stream_processor.errors import JournalError, SinkError
from stream_processor.records import Event
from stream_processor.redact import redact

_MAX_NEWS = 64
_BATCH = 32
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0
_CLOSE_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Alerts(Protocol):
    """What delivery needs of the journal."""

    def subscribe(self, listener: Callable[[int], None]) -> None: ...
    async def events_after(self, sequence: int, limit: int) -> Sequence[Event]: ...
    async def last_sequence(self) -> int: ...
    async def cursor(self, sink: str) -> int: ...
    async def move_cursor(self, sink: str, sequence: int) -> None: ...
    async def expire(self, max_days: float, sinks: Sequence[str]) -> Mapping[str, int]: ...


@runtime_checkable
class Connected(Protocol):
    """What a sink that keeps a connection has besides: it knows best how that is, and when it is worth trying again."""

    status: str
    """For people: "connected", or what it waits for."""

    def when_ready(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` in the event loop whenever events can be taken again."""
        ...


def wait_seconds(failures: int, chance: float) -> float:
    """The rest after so many failures in a row: doubling from 0.5 s to 30 s, of that at least half, by ``chance`` (0 to 1)."""
    longest = min(_FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 16), _LONGEST_WAIT_SECONDS)
    return longest * (0.5 + 0.5 * chance)


class Pump:
    """One sink's task. While it rests after a refusal alerts wait, but passing news is still told."""

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
        self._rest: asyncio.Task[None] | None = None
        self._refused_in_a_row = 0
        self._says = "starting"
        self.idle = asyncio.Event()
        """Everything is delivered."""
        self.cursor = 0
        self.news_dropped = 0
        self.failures = 0
        if isinstance(sink, Connected):
            sink.when_ready(self.hurry)

    @property
    def status(self) -> str:
        is_connected = isinstance(self._sink, Connected) and not self._says.startswith("failed")
        return str(self._sink.status) if is_connected else self._says  # type: ignore[attr-defined] # asked just before

    async def begin(self) -> None:
        self.cursor = await self._journal.cursor(self._name)

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
        self._refused_in_a_row = 0
        reconnect = getattr(self._sink, "hurry", None)
        if reconnect is not None:
            reconnect()
        self._end_rest()
        self.wake()

    async def run(self) -> None:
        self.wake()
        is_open = False
        try:
            while True:
                await self._work.wait()
                self._work.clear()
                if not is_open and self._rest is None:
                    is_open = await self._attempt(self._sink.__aenter__()) or self._begin_rest()
                if is_open:
                    await self._send_alerts()
                    await self._send_news()
                if self._rest is None and not self._work.is_set():
                    self.idle.set()
        except JournalError as error:
            self._says = f"failed: {error}"
            raise
        finally:
            self._end_rest()
            if is_open:
                await self._attempt(asyncio.wait_for(self._sink.__aexit__(None, None, None), _CLOSE_SECONDS))

    async def _send_alerts(self) -> None:
        while self._rest is None and (batch := await self._journal.events_after(self.cursor, _BATCH)):
            for event in batch:
                if not await self._attempt(self._sink.deliver(event)):
                    self._begin_rest()
                    break
                self._refused_in_a_row = 0
                await self._journal.move_cursor(self._name, event.sequence)
                self.cursor = event.sequence

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
        except Exception as error:
            reason = redact(f"{type(error).__name__}: {error}")
            self._says = f"failed: {reason}"
            log.warning("a sink failed; it is asked again later", sink=self._name, reason=reason)
        else:
            self._says = "connected"
            return True
        self.failures += 1
        return False

    def _begin_rest(self) -> bool:
        """Always False: nothing was delivered."""
        self._refused_in_a_row += 1
        seconds = wait_seconds(self._refused_in_a_row, self._chance())
        self._rest = asyncio.create_task(self._rest_for(seconds), name=f"sink {self._name} rests")
        return False

    async def _rest_for(self, seconds: float) -> None:
        await self._sleep(seconds)
        self._rest = None
        self._work.set()

    def _end_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
