"""Marks what looks and sounds like a highlight of the last minutes: an instant replay, a kill-cam's repeat, a jingle."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from stream_processor.finishing.alike import Stretch, likeness, stretch
from stream_processor.finishing.contract import Evidence
from stream_processor.finishing.draft import Draft
from stream_processor.finishing.settings import DiversitySettings
from stream_processor.records import Highlight, Samples, replace

LOOK_STEPS_SECONDS = (0.2, 1.0)
"""Pictures are compared at the first, where at least every second one of them is there, else at the other."""
SOUND_STEP_SECONDS = 1.0
MOST_SECONDS = 30.0
"""Of a longer highlight so much around its peak is compared."""
MOST_REMEMBERED = 64
"""About 10 MB."""


@dataclass(frozen=True)
class _Known:
    """``first``: the id of the highlight of which this one is a repeat, or its own."""

    highlight: Highlight
    first: str
    looks: Stretch
    sounds: Stretch | None


class Diversity:
    """A finishing step. Both must be alike, the pictures' changes by ``diversity.looks`` and the sound's by
    ``diversity.sounds``; where one of the two highlights has no sound that changes, the picture decides.

    Moments between which the picture does not change have no look to be compared, and are never repeats. What was measured by
    another kind of novelty (a fall from clip to light) is not compared, and the first highlight after it says so. Bounds: the
    highlights of ``diversity.memory_seconds``, and 64 of them.
    """

    name = "diversity"
    observers = ("timbre",)
    before_seconds = 0.0
    after_seconds = 0.0

    def __init__(self, settings: DiversitySettings) -> None:
        self._settings = settings
        self._known: deque[_Known] = deque(maxlen=MOST_REMEMBERED)

    def finish(self, draft: Draft, evidence: Evidence) -> Draft:
        if not self._settings.memory_seconds:
            return draft
        highlight = draft.highlight
        while self._known and highlight.start_seconds - self._known[0].highlight.end_seconds > self._settings.memory_seconds:
            self._known.popleft()
        looks, sounds = _looks_and_sounds(highlight, evidence)
        if looks is None:
            return draft
        like = self._like(looks, sounds)
        is_other_kind = bool(self._known) and looks.dimensions != self._known[-1].looks.dimensions
        self._known.append(_Known(highlight, highlight.id if like is None else like.first, looks, sounds))
        if like is not None:
            return self._marked(draft, like, "looks" if sounds is None or like.sounds is None else "looks and sounds")
        if is_other_kind:
            return draft.noted(self.name, "not compared with earlier highlights: their pictures were measured in another way")
        return draft

    def _like(self, looks: Stretch, sounds: Stretch | None) -> _Known | None:
        """The newest that it looks and sounds like."""
        for known in reversed(self._known):
            alike = likeness(looks, known.looks)
            if alike is None or alike < self._settings.looks:
                continue
            heard = None if sounds is None or known.sounds is None else likeness(sounds, known.sounds)
            if heard is None or heard >= self._settings.sounds:
                return known
        return None

    def _marked(self, draft: Draft, like: _Known, how: str) -> Draft:
        seconds = draft.highlight.start_seconds - like.highlight.start_seconds
        reason = f"{how} like the highlight {seconds:.0f} s before it"
        marked = replace(draft, repeat_of=like.first)
        if self._settings.repeats == "drop":
            return marked.dropped(self.name, f"{reason}: a repeat, which is not kept (diversity.repeats)")
        return marked.noted(self.name, f"{reason}: a repeat")


def _looks_and_sounds(highlight: Highlight, evidence: Evidence) -> tuple[Stretch | None, Stretch | None]:
    start = max(highlight.start_seconds, highlight.peak_seconds - MOST_SECONDS / 2)
    end = min(highlight.end_seconds, start + MOST_SECONDS)
    seen, heard = evidence.trace("novelty", start, end), evidence.trace("timbre", start, end)
    return stretch(seen, start, end, _step_seconds(seen)), stretch(heard, start, end, SOUND_STEP_SECONDS)


def _step_seconds(seen: Samples) -> float:
    fine, coarse = LOOK_STEPS_SECONDS
    return fine if len(seen.times) > 1 and float(np.median(np.diff(seen.times))) <= 2 * fine else coarse
