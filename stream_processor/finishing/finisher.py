"""Runs a channel's finishing steps over one closed highlight after the other, so that no step can cost a clip or hold one up.

::

    submit ─▶ queue (MOST_WAITING) ─▶ context ─▶ scene ─▶ speech ─▶ … ─▶ deliver        each step in a thread of its own
                                                   ╳ fails, or takes longer than STEP_SECONDS: the draft goes on without it

A step may decode, which blocks. One that does not come back is left behind with its thread and not asked again before it does, so
that of each step no more than one thread hangs, and all the highlights together wait for it once.
"""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, get_args

import structlog

from stream_processor.finishing.contract import Step
from stream_processor.finishing.draft import Boundary, Draft, Note
from stream_processor.finishing.evidence import LiveEvidence
from stream_processor.own_thread import in_own_thread
from stream_processor.redact import redact

log = structlog.get_logger()

MOST_WAITING = 8
"""Closed highlights that wait for their steps; whoever has more of them waits, too."""

STEP_SECONDS = 10.0
"""So long a step may take over one highlight: decoding the packets between two keyframes is done in a tenth of it."""

_ROUNDING_SECONDS = 1e-6


class _Job(NamedTuple):
    draft: Draft
    evidence: LiveEvidence


class Finisher:
    """Made and used in the event loop. ``deliver`` is called there for each draft that was submitted, in that order."""

    def __init__(
        self, steps: Sequence[Step], deliver: Callable[[Draft], None], *, channel: str, step_seconds: float = STEP_SECONDS
    ) -> None:
        self._steps = steps
        self._deliver = deliver
        self._channel = channel
        self._step_seconds = step_seconds
        self._queue: asyncio.Queue[_Job] = asyncio.Queue(MOST_WAITING)
        self._worker: asyncio.Task[None] | None = None
        self._left = asyncio.Event()
        self._hanging: dict[str, asyncio.Task[Any]] = {}
        self.at_work: str | None = None
        """The step that is asked now."""
        self.failures: Counter[str] = Counter()
        """Step -> drafts that went on without it."""

    async def submit(self, draft: Draft, evidence: LiveEvidence) -> None:
        """Take it in, once there is room. The evidence is closed when it is delivered."""
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name="finishing")
        await self._queue.put(_Job(draft, evidence))

    async def drain(self) -> None:
        """Until all that was submitted is delivered."""
        await self._queue.join()

    def leave(self) -> None:
        """Wait for no step any more: what was submitted is delivered as far as it is."""
        self._left.set()

    async def close(self) -> None:
        """What is not delivered yet never will be."""
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker

    async def _work(self) -> None:
        while True:
            draft, evidence = await self._queue.get()
            try:
                for step in self._steps:
                    if draft.keep:  # else its last note says why not, and that is all there is to say
                        draft = await self._take(step, draft, evidence)
            finally:
                evidence.close()
            self._deliver(draft)
            self._queue.task_done()

    async def _take(self, step: Step, draft: Draft, evidence: LiveEvidence) -> Draft:
        name = str(step.name)
        if self._left.is_set():
            return draft.noted(name, "left out: the program was to end")
        if name in self._hanging and not self._hanging[name].done():
            return self._without(name, draft, "it still ponders over an earlier highlight")
        task = asyncio.ensure_future(in_own_thread(lambda: _attempt(step, draft, evidence), f"finishing {name}"))
        self.at_work = name
        left = asyncio.ensure_future(self._left.wait())
        try:
            await asyncio.wait({task, left}, timeout=self._step_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left.cancel()
        if not task.done():
            self._hanging[name] = task
            if self._left.is_set():
                return draft.noted(name, "left out: the program was to end")
            return self._without(name, draft, f"it took longer than {self._step_seconds:g} s")
        self.at_work = None
        made = task.result()
        if isinstance(made, BaseException):
            return self._without(name, draft, f"it failed ({type(made).__name__})", made)
        return self._without(name, draft, made) if isinstance(made, str) else made

    def _without(self, name: str, draft: Draft, why: str, error: BaseException | None = None) -> Draft:
        self.failures[name] += 1
        if self.failures[name] == 1:
            where = {"channel": self._channel, "step": name, "highlight": draft.highlight.id}
            reason = why if error is None else redact(" ".join(f"{type(error).__name__}: {error}".split()))
            log.warning("a clip is finished without one of its steps", **where, reason=reason, exc_info=error)
        return draft.noted(name, f"left out: {why}")


def _attempt(step: Step, draft: Draft, evidence: LiveEvidence) -> Draft | str | BaseException:
    """What it made, what is wrong with that, or what it raised."""
    try:
        made = step.finish(draft, evidence)
        return what_is_wrong(made, draft, evidence.bounds) or made
    except BaseException as error:  # steps may come from outside: here even SystemExit says only that one failed
        return error


def what_is_wrong(made: Any, before: Draft, bounds: tuple[float, float]) -> str | None:
    """What a step must not do with a draft, in words; None: it is a draft of the same highlight that still shows its peak."""
    if not isinstance(made, Draft):
        return f"it gave {type(made).__name__} instead of a Draft"
    if made.highlight != before.highlight:
        return "it changed the highlight"
    if not (isinstance(made.notes, tuple) and all(map(_is_in_words, made.notes))):
        return "its notes are no words"
    if made.notes[: len(before.notes)] != before.notes:
        return "it took back another step's note"
    if not isinstance(made.keep, bool) or not (made.repeat_of is None or isinstance(made.repeat_of, str)):
        return "it says neither yes nor no"
    if not made.keep and made.notes == before.notes:
        return "it keeps no file and does not say why"
    if not (isinstance(made.start_seconds, float | int) and isinstance(made.end_seconds, float | int)):
        return "its boundaries are no numbers"  # neither are float32, for JSON
    if not (math.isfinite(made.start_seconds) and math.isfinite(made.end_seconds)):
        return "it moved the clip out of time"
    if not bounds[0] - _ROUNDING_SECONDS <= made.start_seconds < made.end_seconds <= bounds[1] + _ROUNDING_SECONDS:
        return "it moved the clip out of its bounds"
    if not made.start_seconds <= made.highlight.peak_seconds <= made.end_seconds:
        return "it cut off the highlight's peak"
    return None


def _is_in_words(note: Any) -> bool:
    """So that the journal and the sidecar can hold it."""
    if not isinstance(note, Note):
        return False
    return isinstance(note.step, str) and isinstance(note.reason, str) and set(get_args(Boundary)).issuperset(note.moved)
