"""A clip's boundaries, moved to a cut nearby. Pure but for the frames that ``Evidence`` decodes to place the cut.

::

    shots    ──────A──────┼────────────B────────────┼──────C──────
    clip               ├──────────────────────────────┤               as it comes
    clip                  ├─────────────────────────┤                 begins with B's first frame, ends with its last
"""

from typing import NamedTuple

from stream_processor.finishing.contract import Evidence
from stream_processor.finishing.draft import Draft
from stream_processor.finishing.settings import SceneSettings
from stream_processor.records import Samples

AROUND_PEAK_SECONDS = 0.5
"""So much before and behind the highlight's peak stays in the clip."""

MOST_TRIED = 6
"""So often frames are decoded for one boundary: each time up to a GOP and what ``scene.max_shift_seconds`` spans."""

_LOOK_BACK_SECONDS = 2.0
"""The sampled frame before a candidate is at most so much older."""

_SAME_FRAME_SECONDS = 0.0015
"""A boundary that lies so near to a cut is on it already."""


class _Span(NamedTuple):
    """Sampled frames, each of which differs from the one before: in (before, after] lie cuts, or movement alone."""

    before_seconds: float
    after_seconds: float

    def distance_seconds(self, seconds: float) -> float:
        """How far any cut in it is from this time, at the least."""
        return max(self.before_seconds - seconds, seconds - self.after_seconds, 0.0)

    def within(self, least: float, most: float) -> "_Span | None":
        """What of it lies in (least, most)."""
        before, after = max(self.before_seconds, least), min(self.after_seconds, most - _SAME_FRAME_SECONDS)
        return _Span(before, after) if after - before > _SAME_FRAME_SECONDS else None


class SceneAlignment:
    """A finishing step: the start to the first frame behind a cut, the end to the last frame before one.

    No boundary moves further than ``scene.max_shift_seconds``, into ``AROUND_PEAK_SECONDS`` around the peak, or past what
    the evidence holds; the clip gets no shorter than ``scene.min_clip_seconds`` by it. Of several cuts the nearest is taken.
    """

    name = "scene"
    observers = ("scene",)

    def __init__(self, settings: SceneSettings) -> None:
        self._settings = settings
        self.before_seconds = self.after_seconds = settings.max_shift_seconds

    def finish(self, draft: Draft, evidence: Evidence) -> Draft:
        earliest, latest = evidence.bounds
        peak, shortest = draft.highlight.peak_seconds, self._settings.min_clip_seconds
        start = self._cut_near(
            draft.start_seconds, earliest, min(peak - AROUND_PEAK_SECONDS, draft.end_seconds - shortest), evidence
        )
        if start is not None:
            draft = draft.moved(self.name, _moved("start", draft.start_seconds, start), start_seconds=start)
        end = self._cut_near(draft.end_seconds, max(peak + AROUND_PEAK_SECONDS, draft.start_seconds + shortest), latest, evidence)
        if end is not None:
            draft = draft.moved(self.name, _moved("end", draft.end_seconds, end), end_seconds=end)
        return draft

    def _cut_near(self, seconds: float, least: float, most: float, evidence: Evidence) -> float | None:
        """The nearest cut in [least, most] and within reach; None: there is none, or the boundary is on one already.

        Of a span with several cuts the strongest is told; what is nearer than that is asked for again.
        """
        reach = self._settings.max_shift_seconds
        least, most = max(least, seconds - reach), min(most, seconds + reach)
        if least >= most:
            return None
        around = evidence.trace("scene", least - _LOOK_BACK_SECONDS, most + _LOOK_BACK_SECONDS)
        waiting = _spans(around, self._settings.threshold, least, most)
        best: float | None = None
        for _ in range(MOST_TRIED):
            waiting.sort(key=lambda span: span.distance_seconds(seconds))
            if not waiting:
                break
            span = waiting.pop(0)
            cut = evidence.first_frame_after_cut(*span)
            if cut is None:
                continue
            if abs(cut - seconds) <= _SAME_FRAME_SECONDS:
                return None
            if least <= cut <= most:
                best = cut
                nearer = seconds - abs(cut - seconds), seconds + abs(cut - seconds)
            else:
                nearer = (cut, most + 1) if cut < least else (least - 1, cut)
            waiting = [part for part in (one.within(*nearer) for one in (span, *waiting)) if part is not None]
        return best


def _spans(trace: Samples, threshold: float, least: float, most: float) -> list[_Span]:
    """Where there may be a cut in [least, most], in order; neighbours are one."""
    found: list[_Span] = []
    for before, after, strength in zip(trace.times[:-1].tolist(), trace.times[1:].tolist(), trace.values[1:], strict=True):
        if strength >= threshold and after >= least and before < most:
            begins = found.pop().before_seconds if found and found[-1].after_seconds == before else before
            found.append(_Span(begins, after))
    return found


def _moved(boundary: str, from_seconds: float, to_seconds: float) -> str:
    shift_seconds = to_seconds - from_seconds
    way = "later" if shift_seconds > 0 else "earlier"
    return f"{boundary} moved {_words(abs(shift_seconds))} {way}, to a cut at {to_seconds:.2f} s"


def _words(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 0.095 else f"{seconds:.2f} s"
