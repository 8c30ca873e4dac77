"""Which samples are clipped: two or more in a row at full scale, as an overdriven input leaves them."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stream_processor.finishing.pauses import CHUNK_SECONDS
from stream_processor.records import Sound

FULL_SCALE = 0.985
"""What was clipped before a lossy codec comes out of it a little below or above full scale."""


@dataclass
class ClipCounter:
    """Counts them by their time, at the sound's own rate, since resampling rounds the edges off.

    ``seconds`` float64 (n,): the times of clipped samples that no chunk has asked for yet: at most those of a pane and a
    resampler's look-ahead. ``next``: the index of the next sample; ``last``: 1, −1 or 0: the one before it was at full scale
    above, below or not.
    """

    rate: int = 0
    next: int = -1
    last: int = 0
    seconds: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def count(self, sound: Sound) -> None:
        if (sound.first, sound.sample_rate) != (self.next, self.rate):
            self.last = 0
        at_scale = (sound.samples >= FULL_SCALE).astype(np.int8) - (sound.samples <= -FULL_SCALE)  # of NaN neither
        before = np.concatenate([[self.last], at_scale[:-1]])
        clipped = np.flatnonzero((at_scale != 0) & (at_scale == before))
        self.seconds = np.concatenate([self.seconds, (sound.first + clipped) / sound.sample_rate])
        self.next, self.rate = sound.first + len(sound.samples), sound.sample_rate
        self.last = int(at_scale[-1]) if len(at_scale) else self.last

    def shares(self, times: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Of the consecutive chunks that begin at ``times``: which share of each one's samples is clipped. Forgets them."""
        edges = np.searchsorted(self.seconds, np.append(times, times[-1] + CHUNK_SECONDS))
        self.seconds = self.seconds[edges[-1] :].copy()
        return np.diff(edges) / (CHUNK_SECONDS * self.rate)
