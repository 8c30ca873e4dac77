"""What would have let a moment in: the same run decided again with one setting changed, when somebody asks."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from stream_processor.commands.recordings import JournaledRun
from stream_processor.commands.remembering import Remembering
from stream_processor.commands.replay import decide_again
from stream_processor.records import ScoredWindow
from stream_processor.reporting.near_misses import Thresholds, What, key
from stream_processor.settings import Settings

_LOWER_PERCENTILES = (80.0, 70.0, 60.0, 50.0)
_MORE_CLIPS = (2, 4, 8)
"""Times as many an hour as were asked for."""


class _Later(Mapping[tuple[int, int], float]):
    """Thresholds that are only computed when one is looked up: a run of days takes a while."""

    def __init__(self, compute: Callable[[], Thresholds]) -> None:
        self._compute = cache(compute)

    def __getitem__(self, window: tuple[int, int]) -> float:
        return self._compute()[window]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._compute())

    def __len__(self) -> int:
        return len(self._compute())


def ways_in(recorded: JournaledRun, settings: Settings, saliency: Remembering) -> list[What]:
    """Asked in this order; the first that would have let the moment in is the reason why it was not.

    ``saliency``: through it the run was decided with these settings.
    """
    peaks = settings.peaks

    def with_(**changes: Any) -> Thresholds:
        changed = settings.model_copy(update={"peaks": peaks.model_copy(update=changes)})
        return _Later(
            lambda: {key(window): window.threshold for window in decide_again(recorded, changed, saliency.again()).windows}
        )

    if peaks.kind != "percentile":
        return []
    rise = What(
        with_(min_rise=0.0), lambda window: f"{_short(window)}: peaks.min_rise={_rise(window, settings):.2f} would take it"
    )
    if peaks.clips_per_hour:
        more = [peaks.clips_per_hour * times for times in _MORE_CLIPS]
        return [*(What(with_(clips_per_hour=to), _words(f"peaks.clips_per_hour={to:g} would take it")) for to in more), rise]
    raised = [What(with_(ordinary_per_hour=0.0), _words(_RAISED))] if peaks.ordinary_per_hour else []
    lower = [
        What(with_(percentile=to), _words(f"peaks.percentile={to:g} would take it"))
        for to in _LOWER_PERCENTILES
        if to < peaks.percentile
    ]
    both = What(with_(percentile=50.0, min_rise=0.0), _words(_BOTH))
    all_three = What(with_(percentile=50.0, min_rise=0.0, ordinary_per_hour=0.0), _words(_ALL_THREE))
    return [*raised, rise, *lower, both, *([all_three] if raised else [])]


_RAISED = "highlights of the hour before had raised the bar; a higher peaks.ordinary_per_hour would take it"
_BOTH = "it takes both a lower peaks.percentile and a lower peaks.min_rise"
_ALL_THREE = f"{_BOTH}, and a higher peaks.ordinary_per_hour"


def _words(what: str) -> Callable[[ScoredWindow], str]:
    return lambda window: f"{_short(window)}: {what}"


def _rise(window: ScoredWindow, settings: Settings) -> float:
    """The threshold stands ``min_rise`` over the median: less by what was missing."""
    return max(math.floor((settings.peaks.min_rise - (window.threshold - window.score)) * 100) / 100, 0.0)


def _short(window: ScoredWindow) -> str:
    return f"{window.threshold - window.score:.2f} below the threshold"
