"""Parts that stand still for as long as a file is there: what a hung driver or a dead network share looks like from outside."""

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from stream_processor.contracts import Memory
from stream_processor.records import Event, Pane, Samples
from tests.scripted_scorer import Script


def _stand_still(while_there: Path) -> None:
    while while_there.exists():
        time.sleep(0.02)


class StuckScorer(Script):
    """Blocks the thread that scores."""

    def __init__(self, while_there: str, lively: Sequence[Sequence[float]] = ()) -> None:
        super().__init__(lively)
        self._while_there = Path(while_there)

    def score(self, batch: Sequence[tuple[Memory, Pane]]) -> Sequence[Samples]:
        _stand_still(self._while_there)
        return super().score(batch)


class StuckSink:
    """Blocks the event loop, which a sink must never do."""

    def __init__(self, while_there: str) -> None:
        self._while_there = Path(while_there)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    async def deliver(self, event: Event) -> None:
        _stand_still(self._while_there)
