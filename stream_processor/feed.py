"""One channel's way into the engine: a bounded queue, what the scorers remember of the channel, and what went wrong."""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping

import numpy as np

from stream_processor.contracts import Memory, Scorer
from stream_processor.records import Pane, PaneScore

PANES_PER_BATCH = 4
"""Panes that one channel has in a batch at most; it holds so many more than ``max_panes`` while they are scored."""

PANES_APART = 60
"""Panes in a row that a scorer must get right before it scores this channel's together with others' again."""

PANES_EXPECTED = 2
"""After so many panes' time without a pane a channel counts as idle, and no batch waits for it."""

Deliver = Callable[[PaneScore], None]
Clock = Callable[[], float]


class Feed:
    """One channel's way into the engine, made by ``Engine.register``: a queue of at most ``max_panes``.

    ``max_undecided``: no more panes are scored than have been ``decided`` plus that; None: no such bound. ``dropped``
    counts the panes that ``offer`` had no room for, ``errors`` per signal the panes that its scorer failed on, ``restarts`` per
    signal how often its scorer lost its memory of this channel to a call that failed, though on none of this channel's panes.
    ``scored``: panes that left the engine; ``scoring_seconds``: per signal what they took, of a call for several their share.
    """

    def __init__(
        self,
        channel: str,
        scorers: Mapping[str, Scorer],
        deliver: Deliver,
        *,
        max_panes: int,
        max_undecided: int | None,
        wake: Callable[[], None],
        clock: Clock = time.monotonic,
    ) -> None:
        self.channel = channel
        self.scorers = dict(scorers)
        self.deliver = deliver
        self.dropped = 0
        self.errors: Counter[str] = Counter()
        self.restarts: Counter[str] = Counter()
        self.measuring = ""
        """The signal whose scorer has panes of this channel now, or is waited for."""
        self.scored = 0
        self.scoring_seconds = dict.fromkeys(scorers, 0.0)
        self._max_panes = max_panes
        self._max_undecided = max_undecided
        self._wake = wake
        self._clock = clock
        self._expected_until = -math.inf
        self._waiting: deque[Pane] = deque()
        self._in_batch = 0
        self._undecided = 0
        self._closed = False
        self._failure: BaseException | None = None
        self._changed = threading.Condition()
        self._memories: dict[str, tuple[int, Memory]] = {}
        """Signal -> epoch and memory. Touched by the thread that scores alone, like ``_kinds`` and ``_apart``."""
        self._kinds = {signal: str(getattr(scorer, "kind", "")) for signal, scorer in self.scorers.items()}
        self._apart: Counter[str] = Counter()

    # ---- the channel's side

    def put(self, pane: Pane, timeout_seconds: float | None = None) -> bool:
        """Hand a pane over, waiting for room: back-pressure. False, with the pane not taken: no room in time, or closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._waiting) < self._max_panes, timeout_seconds)
            return self._place(pane)

    def offer(self, pane: Pane) -> bool:
        """Hand a pane over if there is room now. False: it was dropped, and counted."""
        with self._changed:
            placed = self._place(pane)
            self.dropped += not placed
            return placed

    def decided(self) -> None:
        """A score that was delivered has been dealt with: there is room for another."""
        with self._changed:
            self._undecided -= 1
        self._wake()

    def flush(self) -> None:
        """Wait until all that was put is delivered. Raises what ``deliver`` or the engine died of, as put and offer do."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._in_batch)
            self._check()

    def close(self) -> None:
        """Take no more panes, and let go of a blocked ``put``; what was put before is still scored and delivered.

        That may go beyond ``max_undecided``, by no more than the queue holds: there may be nobody left who decides.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._wake()

    @property
    def is_held(self) -> bool:
        """Is nothing scored because what was has not been ``decided`` yet?"""
        with self._changed:
            return self._max_undecided is not None and self._undecided >= self._max_undecided and not self._in_batch

    def _place(self, pane: Pane) -> bool:
        self._check()
        if self._closed or len(self._waiting) >= self._max_panes:
            return False
        _seal(pane)
        self._waiting.append(pane)
        self._expected_until = self._clock() + PANES_EXPECTED * pane.duration_seconds
        self._wake()
        return True

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    # ---- the engine's side

    @property
    def is_finished(self) -> bool:
        with self._changed:
            return self._closed and not self._waiting and not self._in_batch

    @property
    def is_ready(self) -> bool:
        """Are there panes that may be scored?"""
        with self._changed:
            return self._room() > 0

    def is_expected(self, now: float) -> bool:
        """Is it likely to have another pane soon, so that a batch may wait for it?"""
        with self._changed:
            has_credit = self._max_undecided is None or self._undecided < self._max_undecided
            return not self._closed and has_credit and now < self._expected_until

    @property
    def is_failed(self) -> bool:
        return self._failure is not None

    def take(self) -> list[Pane]:
        with self._changed:
            self._in_batch = self._room()
            self._undecided += self._in_batch
            self._changed.notify_all()
            return [self._waiting.popleft() for _ in range(self._in_batch)]

    def _room(self) -> int:
        wanted = min(len(self._waiting), PANES_PER_BATCH)
        if self._max_undecided is None or self._closed:
            return wanted
        return min(wanted, self._max_undecided - self._undecided)

    def delivered(self) -> None:
        with self._changed:
            self._in_batch -= self._in_batch > 0
            self.scored += 1
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        with self._changed:
            self._failure = error
            self._closed = True
            self._waiting.clear()
            self._in_batch = 0
            self._changed.notify_all()

    def memory(self, signal: str, scorer: Scorer, epoch: int) -> Memory:
        """What the scorer remembers of this channel: empty again with each epoch."""
        known_epoch, memory = self._memories.get(signal, (None, None))
        if known_epoch != epoch:
            memory = scorer.start()
            self._memories[signal] = (epoch, memory)
        return memory

    def fallen(self, kinds: Mapping[str, str]) -> dict[str, str]:
        """Of the kinds that measured the next pane, those that are not what measured the one before."""
        changed = {signal: kind for signal, kind in kinds.items() if kind != self._kinds[signal]}
        self._kinds.update(changed)
        return changed

    def forget(self, signal: str) -> None:
        self._memories.pop(signal, None)

    def is_apart(self, signal: str) -> bool:
        """Are its panes to be scored one by one, as calls for several have failed with them?"""
        return self._apart[signal] > 0

    def keep_apart(self, signal: str) -> None:
        self._apart[signal] = PANES_APART

    def passed(self, signal: str) -> None:
        """A pane was scored alone, without an error."""
        self._apart[signal] = max(self._apart[signal] - 1, 0)


def _seal(pane: Pane) -> None:
    """What one scorer writes into a pane, the next one would measure: a scorer that tries fails alone."""
    for array in (
        pane.frames and pane.frames.planes,
        pane.pictures and pane.pictures.rgb,
        pane.sound and pane.sound.samples,
    ):
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
