"""Parts from outside that do what they may not: one kind of it each, told by ``how``."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np

from scorers.ladder import Ladder, Rung
from stream_processor.clipping.cut import CutJob
from stream_processor.contracts import Memory
from stream_processor.errors import SinkError
from stream_processor.peaks import PercentilePeaks
from stream_processor.records import Change, Event, Pane, Samples, ScoredWindow, Window
from stream_processor.saliency import RobustZ
from tests.scripted_scorer import Script

SCORER_FAULTS = ("raises", "exits", "nan", "infinite", "two_dimensional", "none", "too_few", "too_many", "nothing", "writes")
SINK_FAULTS = ("raises", "exits", "cancelled", "refuses", "none")
CUTTER_FAULTS = ("raises", "exits", "none", "path")


class OddScorer:
    """Beside others; from its third pane on."""

    def __init__(self, how: str) -> None:
        self.signal = self._how = how

    def start(self) -> Memory:
        return None

    def score(self, batch: Sequence[tuple[Memory, Pane]]) -> Any:
        if all(pane.number < 2 for _, pane in batch):
            return [Samples(np.array([float(pane.number)]), np.array([0.5])) for _, pane in batch]
        return self._odd(batch)

    def _odd(self, batch: Sequence[tuple[Memory, Pane]]) -> Any:
        one = np.array([1.0])
        match self._how:
            case "raises":
                raise ZeroDivisionError("a bug in a scorer")
            case "exits":
                raise SystemExit("a scorer that thinks it is a program")
            case "nan":
                return [Samples(one, np.array([np.nan])) for _ in batch]
            case "infinite":
                return [Samples(one, np.array([np.inf])) for _ in batch]
            case "two_dimensional":
                return [Samples(one, np.ones((1, 3))) for _ in batch]
            case "too_few":
                return []
            case "too_many":
                return [Samples(one, one) for _ in range(len(batch) + 1)]
            case "nothing":
                return [Samples.none() for _ in batch]
            case "writes":
                for _, pane in batch:
                    if pane.frames is not None:
                        pane.frames.luma[:] = 255
                return [Samples(one, one) for _ in batch]
        return None


class OddSink:
    def __init__(self, how: str) -> None:
        self._how = how

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._how == "raises":
            raise ZeroDivisionError("nor can it be closed")

    async def deliver(self, event: Event) -> Any:
        match self._how:
            case "raises":
                raise ZeroDivisionError("a bug in a sink")
            case "exits":
                raise SystemExit("a sink that thinks it is a program")
            case "cancelled":
                raise asyncio.CancelledError
            case "refuses":
                raise SinkError("not today")
        return NotImplemented


class OddCutter:
    def __init__(self, how: str) -> None:
        self._how = how

    def cut(self, job: CutJob) -> Any:
        match self._how:
            case "raises":
                raise ZeroDivisionError("a bug in a cutter")
            case "exits":
                raise SystemExit("a cutter that thinks it is a program")
            case "path":
                return job.stem
        return None


class OddPeaks(PercentilePeaks):
    """A detector that fails at every ``every``-th window."""

    def __init__(self, settings: Any, window: Any, identify: Any, every: int) -> None:
        super().__init__(settings, window, identify)
        self._every = every

    def push(self, scored: ScoredWindow) -> Sequence[Change]:
        if scored.window.number % self._every == self._every - 1:
            raise ZeroDivisionError("a bug in a detector")
        return super().push(scored)


class Silent(RobustZ):
    """A normaliser that cannot say which signals it lacks."""

    @property
    def absent(self) -> Sequence[str]:
        raise ZeroDivisionError("a bug in a normaliser")


class BreaksDown(RobustZ):
    """Fails at window 4 and cannot be made anew at once: that ends its channel, with a highlight open. Later it works."""

    births = 0

    def __init__(self, weights: Mapping[str, float], history_seconds: float) -> None:
        super().__init__(weights, history_seconds)
        BreaksDown.births += 1
        if BreaksDown.births in (2, 3):
            raise ZeroDivisionError("a bug in a normaliser")
        self._fails = BreaksDown.births == 1

    def score(self, window: Window) -> ScoredWindow:
        if self._fails and window.number >= 3:
            raise ZeroDivisionError("a bug in a normaliser")
        return super().score(window)


class OnACard(Script):
    """Its device is lost at pane 2."""

    def score(self, batch: Sequence[tuple[Memory, Pane]]) -> Sequence[Samples]:
        if any(pane.number >= 2 for _, pane in batch):
            raise RuntimeError("CUDA error: unspecified launch failure")
        return super().score(batch)


def ladder(lively: Sequence[Sequence[float]] = ()) -> Ladder:
    """A scorer as ``scorers.on_device`` builds them: what is on the card at the top, the CPU below."""
    rungs = [Rung("quick", lambda: OnACard(lively), where="on cuda:0"), Rung("plain", lambda: Script(lively), where="on the CPU")]
    return Ladder("motion", rungs)
