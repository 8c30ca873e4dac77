"""A live signal's scorer as an observer: its samples are kept, and it may be shown smaller frames than there are."""

from collections.abc import Sequence

from scorers.smaller import Smaller
from stream_processor.contracts import Memory, Scorer
from stream_processor.records import Pane, Samples


class Observed:
    """Measures what ``scorer`` measures. ``frames``: what to show it in the place of the panes' own; None: those."""

    keeps = "samples"

    def __init__(self, scorer: Scorer, frames: Smaller | None = None) -> None:
        self.signal = scorer.signal
        self._scorer = scorer
        self._frames = frames

    def start(self) -> Memory:
        return self._scorer.start()

    def score(self, batch: Sequence[tuple[Memory, Pane]]) -> Sequence[Samples]:
        if self._frames is not None:
            batch = [(memory, self._frames.pane(pane)) for memory, pane in batch]
        return self._scorer.score(batch)
