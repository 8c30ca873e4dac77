"""Boundaries move out of words into a pause. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stream_processor.finishing.contract import Evidence
from stream_processor.finishing.draft import Boundary, Draft
from stream_processor.finishing.pauses import CHUNK_SECONDS, Pause, is_spoken_at, pauses
from stream_processor.finishing.settings import SpeechSettings
from stream_processor.records import Samples

AIR_SECONDS = 0.15
"""So much of a pause is left between a boundary and the word beside it, or half of the pause where it is shorter."""

PEAK_SECONDS = 0.5
"""Nearer to the highlight's peak no boundary moves."""

GAP_SECONDS = 2 * CHUNK_SECONDS
"""A boundary on a cut of the picture is left there in so short a gap, too."""

CERTAIN, NEAR_SECONDS = 0.9, 0.3
"""And where no sample of the trace so near says with this probability that it is a voice: loudness alone never does."""


class _Reach(NamedTuple):
    """Where a boundary may lie, in stream seconds."""

    low: float
    high: float


class SpeechAlignment:
    """A clip's start or end that lies within speech moves to the nearest pause, at most ``speech.max_shift_seconds`` away.

    The start moves earlier if there is a pause in reach, the end later, so that a sentence is heard rather than lost; else the
    other way, never nearer to the peak than ``PEAK_SECONDS``. A boundary in a pause, or in sound that is no speech, stays. One
    that the scene step has put on a cut stays even in a short gap between two words, and leaves its cut only where a word would
    certainly be cut: a flash of the other picture is a smaller fault than half a word, and a greater one than half a note.
    Where no pause is in reach a boundary stays, and says so.
    """

    name = "speech"
    observers = ("speech",)

    def __init__(self, settings: SpeechSettings) -> None:
        self._settings = settings
        reach_seconds = settings.max_shift_seconds + settings.min_pause_seconds + CHUNK_SECONDS
        self.before_seconds = self.after_seconds = reach_seconds if settings.max_shift_seconds else 0.0

    def finish(self, draft: Draft, evidence: Evidence) -> Draft:
        if not self._settings.max_shift_seconds:
            return draft
        peak, (first, last) = draft.highlight.peak_seconds, evidence.bounds
        latest, earliest = max(peak - PEAK_SECONDS, draft.start_seconds), min(peak + PEAK_SECONDS, draft.end_seconds)
        start, of_start = self._placed("start", draft, evidence, _Reach(first, latest))
        end, of_end = self._placed("end", draft, evidence, _Reach(earliest, last))
        reason = "; ".join(filter(None, [of_start, of_end]))
        if (start, end) != (draft.start_seconds, draft.end_seconds):
            return draft.moved(self.name, reason, start_seconds=start, end_seconds=end)
        return draft.noted(self.name, reason) if reason else draft

    def _placed(self, which: Boundary, draft: Draft, evidence: Evidence, allowed: _Reach) -> tuple[float, str]:
        """Where the boundary goes, and why; no reason where it was right."""
        boundary = draft.start_seconds if which == "start" else draft.end_seconds
        threshold = self._settings.threshold
        trace = evidence.trace("speech", boundary - self.before_seconds, boundary + self.after_seconds)
        found = pauses(trace, threshold=threshold, min_seconds=self._settings.min_pause_seconds)
        if not is_spoken_at(boundary, trace, found, threshold=threshold):
            return boundary, ""
        if _is_on_a_cut(draft, which):
            gaps = pauses(trace, threshold=threshold, min_seconds=GAP_SECONDS, pad_seconds=0.0)
            if any(gap.has(boundary) for gap in gaps) or not _is_certain(trace, boundary):
                return boundary, ""
        shift = self._settings.max_shift_seconds
        reach = _Reach(max(allowed.low, boundary - shift), min(allowed.high, boundary + shift))
        place = _nearest(boundary, found, reach, prefers_earlier=which == "start")
        if place is None:
            return boundary, f"{which} stays within speech: no pause within {shift:g} s"
        direction = "earlier" if place < boundary else "later"
        return place, f"{which} moved {abs(place - boundary):.2f} s {direction}, out of speech into a pause"


def _is_certain(trace: Samples, boundary: float) -> bool:
    return bool((trace.values[np.abs(trace.times - boundary) <= NEAR_SECONDS] >= CERTAIN).any())


def _is_on_a_cut(draft: Draft, which: Boundary) -> bool:
    movers = [note.step for note in draft.notes if which in note.moved]
    return movers[-1:] == ["scene"]


def _nearest(boundary: float, found: Sequence[Pause], reach: _Reach, *, prefers_earlier: bool) -> float | None:
    places = [place for place in (_within(pause, boundary, reach) for pause in found) if place is not None]
    earlier = max((place for place in places if place <= boundary), default=None)
    later = min((place for place in places if place > boundary), default=None)
    first, second = (earlier, later) if prefers_earlier else (later, earlier)
    return second if first is None else first


def _within(pause: Pause, boundary: float, reach: _Reach) -> float | None:
    """The nearest place in the pause that leaves air on both sides, or as much of it as is within reach."""
    air = min(AIR_SECONDS, (pause.end - pause.start) / 2)
    place = min(max(boundary, pause.start + air), pause.end - air)
    place = min(max(place, reach.low), reach.high)
    return place if pause.has(place) and reach.low <= place else None
