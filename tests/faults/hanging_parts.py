"""Parts that hang when their time has come: at a moment of the stream, or with the first clip, for as long as a file is there."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stream_processor.clipping.cut import CutJob, FfmpegCutter
from stream_processor.contracts import Memory
from stream_processor.records import Clip, Event, Pane, Samples
from tests.scripted_scorer import Script


class HangingScorer(Script):
    """Hangs for good from its pane ``hangs_at`` on."""

    def __init__(self, hangs_at: int, lively: Sequence[Sequence[float]] = ()) -> None:
        super().__init__(lively)
        self._hangs_at = hangs_at

    def score(self, batch: Sequence[tuple[Memory, Pane]]) -> Sequence[Samples]:
        while any(pane.number >= self._hangs_at for _, pane in batch):
            time.sleep(0.1)
        return super().score(batch)


class HangingCutter:
    def __init__(self, while_there: str) -> None:
        self._while_there = Path(while_there)

    def cut(self, job: CutJob) -> Clip:
        self._while_there.with_name("cutting").touch()
        while self._while_there.exists():
            time.sleep(0.05)
        return FfmpegCutter().cut(job)


class HangingSink:
    """Never comes back, and does not let itself be cancelled either."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._hang()

    async def deliver(self, event: Event) -> None:
        await self._hang()

    async def _hang(self) -> Any:
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue
