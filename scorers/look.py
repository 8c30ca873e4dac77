"""What each frame looks like, for comparing moments with one another."""

from collections.abc import Sequence

import numpy as np

from scorers.shared_embedding import Describer
from stream_processor.contracts import Memory
from stream_processor.records import Pane, Samples


class Look:
    """Samples whose vectors, of length one, say what is seen: near ones (by cosine) look alike. Their values are 0."""

    signal = "look"
    keeps = "samples"

    def __init__(self, describer: Describer) -> None:
        self._describer = describer

    def start(self) -> Memory:
        return None

    def score(self, batch: Sequence[tuple[Memory, Pane]]) -> list[Samples]:
        described = self._describer.describe([pane for _, pane in batch])
        return [Samples.none() if one is None else Samples(one[0], np.zeros(len(one[0])), one[1]) for one in described]
