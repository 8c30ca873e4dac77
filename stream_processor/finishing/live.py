"""Finishing while the stream goes on: a closed highlight waits until enough of what follows it is known, then for its steps.

::

    stream     ──[═══ highlight ═══]──┤········│        ┤ the clip's planned end    │ how far the steps may look behind it
    known                 ────────────────────▶         scored and decided: with this pane it may be finished

It waits for panes, never for a clock, so that the same stream gives the same clips; at the latest for the end of the highlight's
epoch, or of the stream. Where scoring hangs for long, its packets say when it is to wait no longer (``clips.Overdue``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from stream_processor.finishing.contract import Step
from stream_processor.finishing.draft import Draft
from stream_processor.finishing.evidence import LiveEvidence
from stream_processor.finishing.finisher import STEP_SECONDS, Finisher
from stream_processor.finishing.steps import reach_seconds
from stream_processor.finishing.traces import Traces
from stream_processor.packets import PacketRing
from stream_processor.receiving.templates import Template
from stream_processor.records import Epoch, Highlight, PaneScore, ScoredWindow

PlaceInRing = Callable[[PacketRing, int, Template, float, float, Callable[[], bool]], float | None]
"""Ring, epoch number, its template, two epoch times with a cut between them, whether nobody waits for it any more -> the epoch
time of the first frame behind the cut, or None."""

_MARGIN_SECONDS = 30.0
"""So much more than the clip can have steps are shown on either side, to know what is usual."""


@dataclass(frozen=True)
class Finished:
    """A closed highlight whose clip may be made now."""

    draft: Draft


@dataclass
class _Waiting:
    draft: Draft
    epoch: Epoch
    template: Template
    earliest_seconds: float
    until_seconds: float
    is_due: bool = False


class LiveFinishing:
    """One run's. Made and used in the event loop. ``deliver`` is called there, in the order in which highlights were closed.

    ``trace_seconds``: how much of the past may be asked for. Without steps nothing is remembered, and nothing is to be expected.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        deliver: Callable[[Finished], None],
        *,
        ring: PacketRing,
        place: PlaceInRing,
        trace_seconds: float,
        channel: str,
        step_seconds: float = STEP_SECONDS,
    ) -> None:
        self.has_steps = bool(steps)
        self.before_seconds, self.after_seconds = reach_seconds(steps)
        self._ring = ring
        self._place = place
        self._traces = Traces(trace_seconds)
        self._finisher = Finisher(steps, lambda draft: deliver(Finished(draft)), channel=channel, step_seconds=step_seconds)
        self._waiting: list[_Waiting] = []
        self.drain, self.leave, self.close = self._finisher.drain, self._finisher.leave, self._finisher.close

    @property
    def failures(self) -> dict[str, int]:
        """Step -> clips that were made without it."""
        return dict(self._finisher.failures)

    @property
    def at_work(self) -> str | None:
        """The step that is asked now, for people."""
        return self._finisher.at_work

    def see(self, pane: PaneScore, epoch: Epoch) -> None:
        if self.has_steps:
            self._traces.add(pane, epoch.start_seconds)

    def decided(self, window: ScoredWindow) -> None:
        if self.has_steps:
            self._traces.decided(window)

    def expect(self, plan: Draft, epoch: Epoch, template: Template, begins_seconds: float) -> float:
        """A highlight was closed, and this is its clip without finishing. ``begins_seconds``: there are packets from here on.

        Returns up to which stream time it waits for what is scored.
        """
        earliest = max(epoch.start_seconds, begins_seconds, plan.start_seconds - self.before_seconds)
        until = plan.end_seconds + self.after_seconds
        self._waiting.append(_Waiting(plan, epoch, template, min(earliest, plan.start_seconds), until))
        return until

    def overdue(self, highlight_id: str) -> None:
        """Its packets have come long ago: what is known by now must do."""
        for waiting in self._waiting:
            waiting.is_due = waiting.is_due or waiting.draft.highlight.id == highlight_id

    async def advance(self, *, is_over: bool = False) -> None:
        """Give the steps what may be finished by now, in order; all of it where the stream ``is_over``."""
        while self._waiting and (is_over or self._is_ready(self._waiting[0])):
            waiting = self._waiting.pop(0)
            await self._finisher.submit(waiting.draft, self._evidence(waiting, is_over=is_over))

    def _is_ready(self, waiting: _Waiting) -> bool:
        reached, is_over = self._traces.reach(waiting.epoch.number)
        return waiting.is_due or is_over or reached >= waiting.until_seconds

    def _evidence(self, waiting: _Waiting, *, is_over: bool) -> LiveEvidence:
        epoch, plan = waiting.epoch, waiting.draft
        reached, epoch_is_over = self._traces.reach(epoch.number)
        latest = max(plan.end_seconds, min(waiting.until_seconds, reached)) if is_over or epoch_is_over else waiting.until_seconds
        bounds = waiting.earliest_seconds, latest
        seen = self._traces.seen(epoch.number, bounds[0] - _MARGIN_SECONDS, bounds[1] + _MARGIN_SECONDS)
        held = self._ring.reader(epoch.number, bounds[0] - epoch.start_seconds, is_bystander=True)
        evidence = LiveEvidence(bounds, seen, held.close)
        evidence.place = partial(self._place_in, epoch, waiting.template, lambda: evidence.is_closed)
        return evidence

    def _place_in(
        self, epoch: Epoch, template: Template, is_cancelled: Callable[[], bool], before_seconds: float, after_seconds: float
    ) -> float | None:
        start = epoch.start_seconds
        found = self._place(self._ring, epoch.number, template, before_seconds - start, after_seconds - start, is_cancelled)
        return None if found is None else found + start


def plan(highlight: Highlight, epoch: Epoch, *, pre_roll_seconds: float, post_roll_seconds: float) -> Draft:
    """Its clip without finishing."""
    start_seconds = max(epoch.start_seconds, highlight.start_seconds - pre_roll_seconds)
    return Draft(highlight, start_seconds, highlight.end_seconds + post_roll_seconds)
