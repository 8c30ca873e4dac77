"""How the program is looked at from outside: /metrics, /healthz and /readyz on a port, and systemd. Off unless asked for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import structlog

from stream_processor.delivering.outbox import Outbox
from stream_processor.errors import JournalError
from stream_processor.operations import host_port, web
from stream_processor.operations.health import Health, Verdict
from stream_processor.operations.heartbeat import Heartbeat
from stream_processor.operations.notify import Notifier
from stream_processor.operations.room import Room
from stream_processor.settings import Settings
from stream_processor.status import ChannelStatus

if TYPE_CHECKING:
    from stream_processor.operations.metrics import Noted

LOOK_SECONDS = 5.0
"""How often disk and outbox are looked at for the metrics."""
_JOIN_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Observing:
    """``async with Observing(settings, channels) as observing``: health is looked after, and told where that was asked for.

    ListenError, on entering: the address for metrics cannot be had. ``watching`` and ``ending`` are what systemd is told.
    """

    def __init__(self, settings: Settings, channels: Sequence[ChannelStatus]) -> None:
        self._address = settings.metrics.listen
        self._channels = channels
        self._health = Health(settings.health)
        self._notifier = Notifier()
        self._heartbeat = Heartbeat(self._health, self._notifier, channels, settings.health, self._note)
        self._outbox: Outbox | None = None
        self._room: Room | None = None
        self._clips_removed: Callable[[], int] = lambda: 0
        self._oldest: dict[str, float] = {}
        self._noted: Noted | None = None
        self._stack = contextlib.AsyncExitStack()
        self.watching, self.ending = self._heartbeat.watching, self._heartbeat.ending

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self._notifier.close)
            if self._address is not None:
                server = stack.enter_context(web.WebServer(host_port.parse(self._address), self._routes()))
                log.info("serves /metrics, /healthz and /readyz", address=str(server.address))
            await stack.enter_async_context(_while(self._heartbeat.run(), "heartbeat"))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.ending()
        await self._stack.__aexit__(kind, error, trace)

    @contextlib.asynccontextmanager
    async def counting(
        self, outbox: Outbox, folder: Path, journal: Path, clips_removed: Callable[[], int]
    ) -> AsyncIterator[None]:
        """Within: there are alerts, room and housekeeping to tell of. What they came to at its end stays."""
        if self._address is None:
            yield
            return
        self._outbox, self._room, self._clips_removed = outbox, Room(folder, journal), clips_removed
        try:
            async with _while(self._look_regularly(outbox, self._room), "outbox and disk"):
                yield
        finally:
            self._note()
            self._outbox = None
            self._room.join(_JOIN_SECONDS)

    # ---- what is told ------------------------------------------------------------------------------------------------

    def _routes(self) -> dict[str, Callable[[], web.Answer]]:
        from stream_processor.operations.metrics import CONTENT_TYPE, ClipCollector, Exposition, Noted

        exposition = Exposition(ClipCollector(self._channels, lambda: self._noted or Noted(), self._health.is_ready))
        return {
            "/metrics": lambda: web.Answer(HTTPStatus.OK, exposition.text(), CONTENT_TYPE),
            "/healthz": _telling(self._health.alive, "ok", "the program hangs"),
            "/readyz": _telling(self._health.ready, "ready", "not ready"),
        }

    def _note(self) -> None:
        """What only the event loop may read, for the server's thread."""
        if self._outbox is None or self._room is None:
            return
        from stream_processor.operations.metrics import Noted, SinkCounts

        outbox = self._outbox
        waiting, delivered, failures, news = outbox.waiting_by_sink, outbox.delivered, outbox.failures, outbox.news_dropped
        sinks = tuple(
            SinkCounts(
                name=name,
                is_connected=status == "connected",
                waiting=waiting[name],
                delivered=delivered[name],
                failures=failures[name],
                expired=outbox.expired[name],
                news_dropped=news[name],
                oldest_at=self._oldest.get(name) if waiting[name] else None,
            )
            for name, status in outbox.statuses.items()
        )
        self._noted = Noted(sinks, self._clips_removed(), self._room.free_bytes, self._room.journal_bytes)

    async def _look_regularly(self, outbox: Outbox, room: Room) -> None:
        while True:
            room.look()
            if any(outbox.waiting_by_sink.values()):
                with contextlib.suppress(JournalError):  # others say so, louder
                    self._oldest = await outbox.oldest()
            await asyncio.sleep(LOOK_SECONDS)


@contextlib.asynccontextmanager
async def _while(work: Coroutine[object, object, None], name: str) -> AsyncIterator[None]:
    """Within: ``work`` is done beside. Its error is raised at the end."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


def _telling(ask: Callable[[], Verdict], well: str, ill: str) -> Callable[[], web.Answer]:
    """200 or 503, a word, and the lines that say why."""

    def answer() -> web.Answer:
        verdict = ask()
        status = HTTPStatus.OK if verdict.ok else HTTPStatus.SERVICE_UNAVAILABLE
        return web.text(status, well if verdict.ok else ill, *verdict.lines)

    return answer
