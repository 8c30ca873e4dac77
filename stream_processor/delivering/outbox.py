"""Carries alerts from the journal to every sink, each at its own pace (``pump``), and forgets what nobody fetched for days."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

import structlog

from stream_processor.contracts import Sink
from stream_processor.delivering.pump import Alerts, Pump
from stream_processor.records import Event

_CLOSE_SECONDS = 10.0
_EXPIRE_EVERY_SECONDS = 3600.0

log = structlog.get_logger(__name__)


class Outbox:
    """``async with Outbox(journal, sinks, max_days=7)``: delivers from then on. ``sleep`` and ``chance`` are given by tests."""

    def __init__(
        self,
        journal: Alerts,
        sinks: Mapping[str, Sink],
        *,
        max_days: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._journal = journal
        self._max_days = max_days
        self._pumps = {name: Pump(name, sink, journal, sleep, chance) for name, sink in sinks.items()}
        self._tasks: list[asyncio.Task[None]] = []
        self._last_sequence = 0
        self.expired: Counter[str] = Counter()
        """Sink -> alerts that it never got because they grew older than ``max_days``."""

    async def __aenter__(self) -> "Outbox":
        for pump in self._pumps.values():
            await pump.begin()
        self._last_sequence = await self._journal.last_sequence()
        await self.expire()
        self._journal.subscribe(self._appended)
        self._tasks = [asyncio.create_task(pump.run(), name=f"sink {name}") for name, pump in self._pumps.items()]
        self._tasks.append(asyncio.create_task(self._expire_regularly(), name="outbox expiry"))
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        _, stuck = await asyncio.wait(self._tasks, timeout=_CLOSE_SECONDS)
        for task in self._tasks:
            if task in stuck:
                log.warning("a sink does not close and is left behind", task=task.get_name())
            elif not task.cancelled():
                task.result()

    def offer(self, event: Event) -> None:
        """Passing news for every sink: told once, lost where nobody listens."""
        for pump in self._pumps.values():
            pump.offer(event)

    async def drain(self, timeout_seconds: float) -> bool:
        """Deliver what is left, at once and for no longer than that. False: something could not be delivered yet."""
        for pump in self._pumps.values():
            pump.hurry()
        try:
            async with asyncio.timeout(timeout_seconds):
                for pump in self._pumps.values():
                    await pump.idle.wait()
        except TimeoutError:
            return False
        return True

    async def expire(self) -> None:
        """Forget alerts older than ``max_days``, and say which sink never got how many."""
        for sink, count in (await self._journal.expire(self._max_days, list(self._pumps))).items():
            if count:
                self.expired[sink] += count
                log.warning("alerts expired before they could be delivered", sink=sink, alerts=count, max_days=self._max_days)
                await self._pumps[sink].pass_expired()

    @property
    def statuses(self) -> dict[str, str]:
        """Sink -> "connected", or what it waits for."""
        return {name: pump.status for name, pump in self._pumps.items()}

    @property
    def waiting(self) -> int:
        """Alerts that the slowest sink has not taken yet."""
        return max(self.waiting_by_sink.values(), default=0)

    @property
    def waiting_by_sink(self) -> dict[str, int]:
        """Sink -> alerts that it has not taken yet."""
        return {name: self._last_sequence - pump.cursor + pump.held for name, pump in self._pumps.items()}

    @property
    def delivered(self) -> dict[str, int]:
        """Sink -> alerts that it has taken since the start."""
        return {name: pump.delivered for name, pump in self._pumps.items()}

    async def oldest(self) -> dict[str, float]:
        """Sink -> when the alert was made that waits longest for it, UTC in seconds since 1970; those that wait for none."""
        made_at = {name: await pump.oldest() for name, pump in self._pumps.items()}
        return {name: at for name, at in made_at.items() if at is not None}

    @property
    def news_dropped(self) -> dict[str, int]:
        """Sink -> passing news that it did not get."""
        return {name: pump.news_dropped for name, pump in self._pumps.items()}

    @property
    def failures(self) -> dict[str, int]:
        """Sink -> how often it refused or failed since the start."""
        return {name: pump.failures for name, pump in self._pumps.items()}

    def _appended(self, sequence: int) -> None:
        self._last_sequence = sequence
        for pump in self._pumps.values():
            pump.wake()

    async def _expire_regularly(self) -> None:
        while True:
            await asyncio.sleep(_EXPIRE_EVERY_SECONDS)
            await self.expire()
