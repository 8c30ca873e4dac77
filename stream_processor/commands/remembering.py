"""A run's saliency, kept: deciding again with another detector then takes a third of the time, which counts for a run of days."""

from collections.abc import Iterator, Sequence

from stream_processor.contracts import Normaliser
from stream_processor.records import ScoredWindow, Window


class Remembering:
    """A normaliser that keeps its answers, for ``again``."""

    def __init__(self, normaliser: Normaliser) -> None:
        self._normaliser = normaliser
        self._answers: list[ScoredWindow] = []

    def learn(self, windows: Sequence[Window]) -> None:
        self._normaliser.learn(windows)

    def score(self, window: Window) -> ScoredWindow:
        answer = self._normaliser.score(window)
        self._answers.append(answer)
        return answer

    def again(self) -> Normaliser:
        """Gives the same answers in the same order. That is right for the same windows with the same warm-up, since what a
        normaliser is asked does not depend on what the detector made of its answers."""
        return _Again(iter(self._answers))


class _Again:
    def __init__(self, answers: Iterator[ScoredWindow]) -> None:
        self._answers = answers

    def learn(self, windows: Sequence[Window]) -> None:
        pass

    def score(self, window: Window) -> ScoredWindow:
        return next(self._answers)
