"""A scorer that goes down a ladder where its device gives out, and never takes the stream with it.

::

    clip on cuda      out of memory: smaller batch, smaller batch, …, fewer pictures, …   and when there is nothing left to spare
      │ lost               out of memory │
      ▼                                  ▼
    light on the CPU

There is no way up: memory that was short once is short again, and a signal that changed its kind too often would have no history.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from scorers.device_errors import Trouble, free_cached_memory, trouble_of
from stream_processor.contracts import Memory, Scorer
from stream_processor.errors import ScorerError
from stream_processor.records import Pane, Samples

_log = structlog.get_logger()


def _cannot(_scorer: Any) -> None:
    return None


@dataclass(frozen=True)
class Rung:
    """One way to measure the signal. ``make`` is called when it is needed, in a thread of the engine but for the first rung.

    ``shrink`` lets the scorer do with less memory from now on, and says so in words ("at most 8 pictures at once"), or gives
    None where it cannot. Only rungs of one ``kind`` measure values that may be compared. ``where``, for people: "on cuda:0".
    """

    kind: str
    make: Callable[[], Scorer]
    shrink: Callable[[Any], str | None] = _cannot
    where: str = ""

    @property
    def name(self) -> str:
        return f"{self.kind} {self.where}".strip()


@dataclass
class RungMemory:
    """What a rung remembers of a channel's epoch, and which rung it is."""

    rung: int = -1
    inner: Memory = None

    def forget(self) -> None:
        self.rung, self.inner = -1, None


class Ladder:
    """A scorer whose ``kind`` may change while it runs, between two batches: all values of a batch are of the kind it has then.

    Where a rung's device is short of memory, the rung shrinks and the same panes are scored again; where it cannot, or the
    device is lost, the next rung scores them. Whatever the failed attempt did to the memories of its panes, they begin anew:
    that costs a channel the first sample or second of a batch, and never mixes in a wrong one. All other memories begin anew
    with the rung. Errors that are not the device's are raised as they are.

    ``reason`` says why the ladder is where it is, empty at its top. ``shrinks`` and ``falls`` count the steps. Each is logged; a
    change of ``kind`` goes with the scores into the journal and the status (``PaneScore.fallen``).
    """

    def __init__(self, signal: str, rungs: Sequence[Rung]) -> None:
        """Makes the first rung, or where its device has no room for it, the next. Raises what else ``make`` raises."""
        self.signal = signal
        self.kind = rungs[0].kind
        self.reason = ""
        self.shrinks = 0
        self.falls = 0
        self._below = deque(rungs)
        self._name = rungs[0].name
        self._number = -1
        """Of the rung, counted from the top."""
        self._shrink: Callable[[Any], str | None] = _cannot
        self._scorer: Scorer | None = None
        outcome = self._make_first()
        if outcome is not None and not self._fall(outcome):
            raise ScorerError(f"{signal}: {self.reason or outcome.words}")

    @property
    def picture_size(self) -> int:
        """Pixels, as the rung wants it; 0: it looks at no pictures."""
        return int(getattr(self._scorer, "picture_size", 0))

    @property
    def picture_fps(self) -> float:
        return float(getattr(self._scorer, "picture_fps", 0.0))

    @property
    def keeps(self) -> str:
        return str(getattr(self._scorer, "keeps", "sum"))

    def start(self) -> RungMemory:
        return RungMemory()

    def score(self, batch: Sequence[tuple[RungMemory, Pane]]) -> Sequence[Samples]:
        """ScorerError: not even the last rung can measure it now."""
        while isinstance(outcome := self._try(batch), Trouble):
            for memory, _ in batch:
                memory.forget()
            if not (outcome.is_memory and self._spare(outcome)) and not self._fall(outcome):
                raise ScorerError(f"{self.signal}: {outcome.words}")
        return outcome

    def _try(self, batch: Sequence[tuple[RungMemory, Pane]]) -> Sequence[Samples] | Trouble:
        """Keeps no hold of the error: its traceback holds the memory that the next attempt needs."""
        scorer = self._scorer
        if scorer is None:
            raise ScorerError(f"{self.signal}: nothing is left to measure it with: {self.reason}")
        try:
            for memory, _ in batch:
                if memory.rung != self._number:
                    memory.rung, memory.inner = self._number, scorer.start()
            return scorer.score([(memory.inner, pane) for memory, pane in batch])
        except Exception as error:
            trouble = trouble_of(error)
            if trouble is None:
                raise
            return trouble

    def _spare(self, trouble: Trouble) -> bool:
        words = self._shrink(self._scorer)
        if words is None:
            return False
        free_cached_memory()
        self.shrinks += 1
        self.reason = f"short of memory: {words}"
        _log.warning(f"{self.signal}: {self.reason}", reason=trouble.words, shrinks=self.shrinks)
        return True

    def _fall(self, trouble: Trouble) -> bool:
        if not self._below:
            return False
        before, reason = self._name, trouble.words
        self._scorer, self._shrink = None, _cannot  # so that what it holds is free before the next one is made
        free_cached_memory()
        while self._below:
            self.falls += 1
            try:
                self._step_onto(self._below.popleft())
            except Exception as error:  # this rung is missing: weights that are not there, a second device that is lost, too
                reason = f"{reason}; {' '.join(str(error).split())[:160]}"
                self.reason = f"{before} cannot be had: {reason}"
                _log.warning(f"{self.signal}: a rung of the ladder is missing", reason=reason)
                continue
            self.reason = f"{self._name} instead of {before}: {reason}"
            _log.warning(f"{self.signal} is measured by {self._name} from now on", before=before, reason=reason, falls=self.falls)
            return True
        return False

    def _make_first(self) -> Trouble | None:
        try:
            self._step_onto(self._below.popleft())
        except Exception as error:
            trouble = trouble_of(error)
            if trouble is None:
                raise
            return trouble
        return None

    def _step_onto(self, rung: Rung) -> None:
        self._scorer = rung.make()
        self.kind, self._name, self._shrink = rung.kind, rung.name, rung.shrink
        self._number += 1
