"""Boundaries of chosen clips, moved by the same finishing steps that live highlights go through.

A step may do anything within the bounds as long as the peak stays in the clip. One that becomes too short is made longer at the
other end, so that a clip which now starts at a cut ends later. One that would be too long, or too short all the same, stays as it
was before that step, and a note says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import structlog

from stream_processor.best.records import Chosen, Selection
from stream_processor.best.settings import BestSettings
from stream_processor.best.tape import Tape
from stream_processor.finishing.contract import Step
from stream_processor.finishing.draft import Draft
from stream_processor.records import Highlight, Samples, ScoredWindow, replace

log = structlog.get_logger()

FirstFrame = Callable[[Tape, float, float], float | None]
"""Of a video: between two times (seconds since its first frame), the first frame behind the cut there; None: no cut."""

CORE_SECONDS = 0.25
"""So much before and after its peak is what a clip is about."""


@dataclass(frozen=True)
class TapeEvidence:
    """``finishing.contract.Evidence`` over a whole video."""

    tape: Tape
    bounds: tuple[float, float]
    first_frame: FirstFrame

    def trace(self, name: str, start_seconds: float, end_seconds: float) -> Samples:
        samples = self.tape.signals.get(name)
        if samples is None:
            return Samples.none()
        first, stop = np.searchsorted(samples.times, [start_seconds, end_seconds])
        return Samples(samples.times[first:stop], samples.values[first:stop])

    def windows(self, start_seconds: float, end_seconds: float) -> Sequence[ScoredWindow]:
        return ()

    def first_frame_after_cut(self, before_seconds: float, after_seconds: float) -> float | None:
        return self.first_frame(self.tape, before_seconds, after_seconds)


def finish(
    selection: Selection, tapes: Sequence[Tape], steps: Sequence[Step], best: BestSettings, first_frame: FirstFrame
) -> Selection:
    """The selection with its clips finished; ``tapes`` are those of its tables, in order."""
    finished = []
    for one in selection.chosen:
        tape = tapes[one.moment.video]
        finished.append(_finished(one, TapeEvidence(tape, _bounds(one, selection.chosen, tape), first_frame), steps, best))
    return replace(selection, chosen=finished)


def _bounds(one: Chosen, others: Sequence[Chosen], tape: Tape) -> tuple[float, float]:
    """How far it may reach: its unbroken part, and halfway to the next clip's peak, or as far as planned."""
    stretch = tape.video.stretch_at(one.moment.peak_seconds)
    peak = one.moment.peak_seconds
    peaks = [other.moment.peak_seconds for other in others if other.moment.video == one.moment.video and other is not one]
    before = max((other for other in peaks if other <= peak), default=-np.inf)
    after = min((other for other in peaks if other > peak), default=np.inf)
    first = max(stretch.start_seconds, min((before + peak) / 2, one.start_seconds))
    last = min(stretch.end_seconds, max((after + peak) / 2, one.end_seconds))
    return float(first), float(last)


def _finished(one: Chosen, evidence: TapeEvidence, steps: Sequence[Step], best: BestSettings) -> Chosen:
    peak = one.moment.peak_seconds
    first, last = evidence.bounds
    highlight = Highlight(
        id=f"clip-{one.rank:03d}",
        epoch=0,
        start_seconds=max(peak - CORE_SECONDS, one.start_seconds),
        end_seconds=min(peak + CORE_SECONDS, one.end_seconds),
        peak_seconds=peak,
        score=one.moment.score,
        threshold=best.min_score,
        components=one.moment.components,
        deviations={},
    )
    draft = Draft(highlight, one.start_seconds, one.end_seconds)
    for step in steps:
        draft = _step(step, draft, evidence, best)
    notes = tuple((note.step, note.reason) for note in draft.notes)
    return replace(one, start_seconds=max(draft.start_seconds, first), end_seconds=min(draft.end_seconds, last), notes=notes)


def _step(step: Step, draft: Draft, evidence: TapeEvidence, best: BestSettings) -> Draft:
    try:
        after = step.finish(draft, evidence)
    except Exception as error:  # a step may come from outside, and may fail in any way: it costs the step
        log.warning("a finishing step failed", step=step.name, error=" ".join(f"{type(error).__name__}: {error}".split()))
        return draft.noted(step.name, "failed: the clip stays as it was")
    if not isinstance(after, Draft):
        log.warning("a finishing step gave no draft", step=step.name, gave=type(after).__name__)
        return draft.noted(step.name, "failed: the clip stays as it was")
    after = _long_enough(draft, after, evidence.bounds, best)
    if wrong := _wrong(after, evidence.bounds, best):
        return draft.noted(step.name, f"not moved for {step.name}: it would be {wrong}")
    return after


def _long_enough(before: Draft, after: Draft, bounds: tuple[float, float], best: BestSettings) -> Draft:
    """Longer at the end that the step has left where it was, or let go outwards; as it is where it moved both inwards."""
    lacks_seconds = best.min_seconds - after.duration_seconds
    start_is_new, end_is_new = after.start_seconds > before.start_seconds, after.end_seconds < before.end_seconds
    if lacks_seconds <= 1e-6 or start_is_new == end_is_new:
        return after
    if start_is_new:
        end = min(after.end_seconds + lacks_seconds, bounds[1])
        if end <= after.end_seconds:
            return after
        return after.moved("length", f"end moved {end - after.end_seconds:.2f} s later to keep the length", end_seconds=end)
    start = max(after.start_seconds - lacks_seconds, bounds[0])
    if start >= after.start_seconds:
        return after
    return after.moved(
        "length", f"start moved {after.start_seconds - start:.2f} s earlier to keep the length", start_seconds=start
    )


def _wrong(draft: Draft, bounds: tuple[float, float], best: BestSettings) -> str:
    """What is wrong with the clip as a step would have it; empty: nothing. Rounding is forgiven."""
    slack = 1e-6
    start, end, peak = draft.start_seconds, draft.end_seconds, draft.highlight.peak_seconds
    if end - start < best.min_seconds - slack:
        return f"{end - start:.1f} s long, less than best.min_seconds = {best.min_seconds:g}"
    if end - start > best.max_seconds + slack:
        return f"{end - start:.1f} s long, more than best.max_seconds = {best.max_seconds:g}"
    if start < bounds[0] - slack or end > bounds[1] + slack:
        return "beyond the video's end or in the next clip"
    return "" if start <= peak < end else "without its peak"
