"""Setup before and reaction after, instead of a fixed cut: the rolls count from where the score rises and falls. Pure.

::

    liveliness   ▁▁▁▁▁▁▁▂▄███▆███▆▃▁▁▁▁▁      0: as calm as it mostly is around here, 1: as lively as the highlight
    highlight        ├──────────────┤         whole windows: seconds of calm on either side, or the rise not yet
    clip           ├──╌╌            ╌╌┤       as planned: the rolls, from the highlight's edges
    clip               ├──╌╌      ╌╌╌──┤      finished: the same rolls, from rise and fall

How far back to look the windows' scores say: those before the highlight that were nearly enough for it belong to its rise,
unless there is no end of them. Where in there it begins, seconds say, by the signals that made the moment a highlight: each
counts by how unusual it was there. For the reaction the sound alone will do, too: laughter and applause come when nothing moves
any more.
"""

from collections.abc import Callable

import numpy as np

from stream_processor.finishing.contract import Evidence
from stream_processor.finishing.draft import Draft
from stream_processor.finishing.settings import ContextSettings
from stream_processor.records import Highlight, Samples

LIVELY = 0.5
"""Liveliness from which on a second is the moment itself: half-way up."""
CALM = 0.2
"""Below it a second belongs neither to the rise nor to the reaction."""
NEARLY = 0.5
"""A window that scores so much of the way from what is usual to the highlight's threshold was nearly one of it."""

_SECOND = 1.0
_SOUND = "loudness"
_LIVELY_PERCENTILE = 80.0
_AROUND_SECONDS = 60.0
"""What is calm is judged by all there is to see."""

Level = Callable[[float], float | None]
"""Where a second begins, in stream seconds -> its liveliness; None: nothing was measured in it."""


class Context:
    """A clip begins its pre-roll before the score rises, and ends its post-roll after the reaction has faded.

    It may begin and end further out than planned by what the settings allow, and never further in than the highlight. What was
    not measured is not taken for calm.
    """

    name = "context"

    def __init__(self, settings: ContextSettings) -> None:
        self.before_seconds = settings.max_setup_seconds
        self.after_seconds = settings.max_reaction_seconds

    def finish(self, draft: Draft, evidence: Evidence) -> Draft:
        highlight, (first, last) = draft.highlight, evidence.bounds
        liveliness, loud = _liveliness(highlight, evidence), _level_of(_SOUND, highlight, evidence)
        rise = _rise(highlight, evidence, liveliness, max(first, highlight.start_seconds - self.before_seconds))
        fall = _fall(highlight, _either(liveliness, loud), min(last, highlight.end_seconds + self.after_seconds))
        if rise is None and fall is None:
            return draft.noted(self.name, "had nothing to go by: around the highlight nothing was measured")
        start, end = draft.start_seconds, draft.end_seconds
        if rise is not None:
            start = min(max(first, rise - max(highlight.start_seconds - start, 0.0)), highlight.start_seconds)
        if fall is not None:
            end = max(min(last, fall + max(end - highlight.end_seconds, 0.0)), highlight.end_seconds)
        words = [
            *_words_of_start(start - draft.start_seconds, self.before_seconds),
            *_words_of_end(end - draft.end_seconds, self.after_seconds),
        ]
        return draft.moved(self.name, "; ".join(words), start_seconds=start, end_seconds=end) if words else draft


def _words_of_start(moved_seconds: float, most_seconds: float) -> list[str]:
    if moved_seconds == 0:
        return []
    if moved_seconds > 0:
        return [f"begins {moved_seconds:.3g} s later: it was calm until then"]
    return [f"begins {-moved_seconds:.3g} s earlier{_at_most(-moved_seconds, most_seconds)}: the score began to rise before"]


def _words_of_end(moved_seconds: float, most_seconds: float) -> list[str]:
    if moved_seconds == 0:
        return []
    if moved_seconds < 0:
        return [f"ends {-moved_seconds:.3g} s earlier: it was calm by then"]
    return [f"ends {moved_seconds:.3g} s later{_at_most(moved_seconds, most_seconds)}: the reaction lasts"]


def _at_most(seconds: float, most_seconds: float) -> str:
    return ", as much as there may be" if seconds >= most_seconds else ""


def _rise(highlight: Highlight, evidence: Evidence, level: Level, earliest: float) -> float | None:
    """Where it begins to be lively, at or after ``earliest``; None: it is not known that it was lively at all."""
    back = int((highlight.start_seconds - _first_that_counts(highlight, evidence, earliest)) / _SECOND)
    seconds = np.arange(highlight.start_seconds - back * _SECOND, highlight.end_seconds, _SECOND)
    rise = next((float(at) for at in seconds if _is_above(level(at), LIVELY)), None)
    while rise is not None and rise > earliest and _is_above(level(rise - _SECOND), CALM):
        rise = max(earliest, rise - _SECOND)
    if rise is None or level(rise - _SECOND) is not None:
        return rise
    return min(rise, highlight.start_seconds)


def _first_that_counts(highlight: Highlight, evidence: Evidence, earliest: float) -> float:
    """Where those windows begin that were nearly part of the highlight; where all were, they are no rise."""
    around = evidence.windows(*_all_of(evidence))
    apart = [
        one.saliency
        for one in around
        if one.window.end_seconds <= highlight.start_seconds or one.window.start_seconds >= highlight.end_seconds
    ]
    usual = max(0.0, float(np.median(apart))) if apart else 0.0  # the usual of normalisers; here is little
    enough = usual + NEARLY * (highlight.threshold - usual)
    first = highlight.start_seconds
    for one in reversed(evidence.windows(earliest, highlight.start_seconds)):
        if not one.saliency >= enough:  # also where it says nothing
            return max(earliest, first)
        first = min(first, one.window.start_seconds)
    return highlight.start_seconds


def _fall(highlight: Highlight, level: Level, latest: float) -> float | None:
    """Where the reaction has faded, at or before ``latest``; None: it is not known that it was lively at all."""
    seconds = np.arange(highlight.end_seconds - _SECOND, highlight.start_seconds - _SECOND, -_SECOND)
    fall = next((float(at) + _SECOND for at in seconds if _is_above(level(at), LIVELY)), None)
    while fall is not None and fall < latest and _is_above(level(fall), CALM):
        fall = min(latest, fall + _SECOND)
    if fall is None or level(fall) is not None:
        return fall
    return max(fall, highlight.end_seconds)


def _is_above(found: float | None, level: float) -> bool:
    return found is not None and found >= level


def _liveliness(highlight: Highlight, evidence: Evidence) -> Level:
    """Of the signals that stood out, each weighted by how much."""
    weighted = [
        (deviation, found)
        for signal, deviation in highlight.deviations.items()
        if deviation > 0 and (found := _level_of(signal, highlight, evidence)) is not None
    ]

    def level(at: float) -> float | None:
        there = [(weight, value) for weight, one in weighted if (value := one(at)) is not None]
        return sum(weight * value for weight, value in there) / sum(weight for weight, _ in there) if there else None

    return level


def _level_of(signal: str, highlight: Highlight, evidence: Evidence) -> Level | None:
    """None: it was not measured in the highlight and beside it, or was no livelier there than it mostly is."""
    trace = evidence.trace(signal, *_all_of(evidence))
    inside = (trace.times >= highlight.start_seconds) & (trace.times < highlight.end_seconds)
    if not inside.any() or inside.all():
        return None
    calm = float(np.median(trace.values[~inside]))
    lively = float(np.percentile(trace.values[inside], _LIVELY_PERCENTILE))
    return None if lively <= calm else _scaled(trace, calm, lively)


def _scaled(trace: Samples, calm: float, lively: float) -> Level:
    values = (trace.values - calm) / (lively - calm)

    def level(at: float) -> float | None:
        there = (trace.times >= at) & (trace.times < at + _SECOND)
        return float(np.clip(values[there].mean(), 0.0, 1.0)) if there.any() else None

    return level


def _either(first: Level, second: Level | None) -> Level:
    def level(at: float) -> float | None:
        found = [one(at) for one in (first, second) if one is not None]
        return max((value for value in found if value is not None), default=None)

    return level


def _all_of(evidence: Evidence) -> tuple[float, float]:
    first, last = evidence.bounds
    return first - _AROUND_SECONDS, last + _AROUND_SECONDS
