"""Keeps the best highlights of each hour: at most so many, or about so many. What was kept stays kept.

::

    score, length, variety   each as its place among the last hour's highlights: 1 above all others, 0 below, ties in the middle
    rank                     their weighted mean (J.-C. de Borda's count, 1781): needs no unit, and no scale of the scores
    kept                     the highlights whose rank is among the best ``top_per_hour``, or above the bar of ``about_per_hour``
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stream_processor.finishing.contract import Evidence
from stream_processor.finishing.draft import Draft
from stream_processor.finishing.settings import RankingSettings
from stream_processor.records import Highlight, Samples, replace

HOUR_SECONDS = 3600.0
MOST_REMEMBERED = 1000
"""In an hour: more than detection can open."""
WARM_SECONDS = 600.0
"""So much of the first hour counts as passed with the first highlight, so that it is kept where six an hour are asked for."""
CORRECTION = 2.0
"""How strongly the bar answers to what was kept: measured over 50 hours of highlights at varying rates."""


@dataclass(frozen=True)
class _Ranked:
    start_seconds: float
    score: float
    length_seconds: float
    variety: float
    look: npt.NDArray[np.float32] | None
    is_kept: bool = False


class Ranking:
    """A finishing step. Time is stream time; what it remembers are the highlights of the last hour, anew with each run.

    ``top_per_hour``: no hour, wherever it begins, has more files than that, and a highlight that others of the last hour rank
    above so many times is not one of them. ``about_per_hour``: the bar is the quantile of the last hour's ranks above which
    about so many an hour lie, lowered where fewer were kept and raised where more were. Both 0: everything is kept.
    """

    name = "ranking"
    observers: tuple[str, ...] = ()
    before_seconds = 0.0
    after_seconds = 0.0

    def __init__(self, settings: RankingSettings) -> None:
        self._settings = settings
        self._hour: deque[_Ranked] = deque(maxlen=MOST_REMEMBERED)
        self._began_seconds: float | None = None

    def finish(self, draft: Draft, evidence: Evidence) -> Draft:
        if not draft.keep or not (self._settings.top_per_hour or self._settings.about_per_hour):
            return draft
        highlight = draft.highlight
        if self._began_seconds is None:
            self._began_seconds = highlight.start_seconds
        while self._hour and self._hour[0].start_seconds <= highlight.start_seconds - HOUR_SECONDS:
            self._hour.popleft()
        this = self._ranked(highlight, evidence.trace("novelty", highlight.start_seconds, highlight.end_seconds))
        reason = self._against(this)
        self._hour.append(replace(this, is_kept=reason is None))
        return draft if reason is None else draft.dropped(self.name, reason)

    def _ranked(self, highlight: Highlight, seen: Samples) -> _Ranked:
        look = _mean_look(seen)
        others = [other.look for other in self._hour if look is not None and other.look is not None]
        alike = [float(look @ other) for other in others if look is not None and other.shape == look.shape]
        variety = 1.0 - max(alike, default=0.0)
        return _Ranked(highlight.start_seconds, highlight.score, highlight.duration_seconds, variety, look)

    def _against(self, this: _Ranked) -> str | None:
        """Why it is not kept; None: it is."""
        place = self._place(this)
        kept = sum(other.is_kept for other in self._hour)
        top, about = self._settings.top_per_hour, self._settings.about_per_hour
        if top and place > top:
            return f"ranked {_ordinal(place)} of the last hour, {top} are kept (ranking.top_per_hour)"
        if top and kept >= top:
            return f"the last hour has its {top} files already (ranking.top_per_hour)"
        if about and place - 0.5 > self._places_above_bar(this, about, kept):
            of = f"ranked {_ordinal(place)} of {len(self._hour) + 1} in the last hour"
            return f"{of}, about {about:g} an hour are kept (ranking.about_per_hour)"
        return None

    def _places_above_bar(self, this: _Ranked, about: float, kept: int) -> float:
        """How many of the last hour's places are good enough: as many as are due, and twice what was kept too few or too many."""
        began = this.start_seconds if self._began_seconds is None else self._began_seconds
        passed_seconds = min(max(this.start_seconds - began, WARM_SECONDS), HOUR_SECONDS)
        due = about * passed_seconds / HOUR_SECONDS
        return due + CORRECTION * (due - kept)

    def _place(self, this: _Ranked) -> int:
        """1 is the best of the last hour, of equals the first that came."""
        ranks = rank([*self._hour, this], self._settings)
        return 1 + int(np.count_nonzero(ranks[:-1] >= ranks[-1]))


def rank(highlights: Sequence[_Ranked], settings: RankingSettings) -> npt.NDArray[np.float64]:
    """float64 (n,), 0 to 1: the weighted mean of the places by score, length and variety."""
    parts = [
        (settings.score_weight, [each.score for each in highlights]),
        (settings.length_weight, [each.length_seconds for each in highlights]),
        (settings.variety_weight, [each.variety for each in highlights]),
    ]
    total = sum(weight * _places(np.array(values)) for weight, values in parts)
    return np.asarray(total) / sum(weight for weight, _ in parts)


def _places(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mid-rank of each among all, from 0 to 1; alone: a half."""
    if len(values) < 2:
        return np.full(len(values), 0.5)
    below = (values[None, :] < values[:, None]).sum(axis=1)
    same = (values[None, :] == values[:, None]).sum(axis=1) - 1
    return np.asarray((below + same / 2) / (len(values) - 1))


def _mean_look(seen: Samples) -> npt.NDArray[np.float32] | None:
    """What it looks like on the whole: float32 (d,) of length one."""
    if seen.vectors is None or not len(seen.vectors):
        return None
    mean = seen.vectors.mean(axis=0, dtype=np.float64)
    size = float(np.linalg.norm(mean))
    return (mean / size).astype(np.float32) if size > 0 else None


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
