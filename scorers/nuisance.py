"""Whether the stream shows a waiting screen: nothing that happens there is a highlight, however the music swells.

::

    picture       stands still, or loops     →  for ``after_seconds``      clocks and cursors may move, somebody who comes may not
    sound         music without a pause, or silence                        where somebody speaks it is no waiting screen
    value         0 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1 0 0 0                    0 again with the first picture that is new
                  ├──── screen ───────────────────┤├ game

In doubt it is none: where somebody has spoken over a picture that comes back, as over a chess board with music, none is for two
minutes. A still picture in silence or under a hum is none, either: it may as well be a camera before which nobody stands,
nothing fires on it anyway, and its calm must stay part of what the next moment is compared with. A black one, and one that
loops, is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scorers.pauses import Pauses
from scorers.recurrence import Recurrence, Seen
from stream_processor.records import Pane, Samples

SPOKEN_SECONDS = 120.0
"""For so long after somebody spoke over a picture that comes back there is no waiting screen: whoever plays so still a game
speaks at least as often."""
CERTAIN_SECONDS = 4.0
"""So much longer a picture must have come back for what is heard to be over it, and not the end of what was before it."""


@dataclass
class Watched:
    """What one epoch has shown and let hear lately: both bounded. ``spoken_seconds``: when somebody last spoke over it."""

    pictures: Recurrence
    sound: Pauses
    spoken_seconds: float = -SPOKEN_SECONDS


class Standby:
    """1 at each frame that belongs to a waiting screen, else 0, five times a second at most.

    ``after_seconds``: how long a screen is watched before it is taken as one: for half of it pictures are seen, for the other
    half they come back as they were, after ``longest_loop_seconds`` at most.
    """

    signal = "nuisance"

    def __init__(self, after_seconds: float = 30.0, longest_loop_seconds: float = 60.0) -> None:
        self._after_seconds = after_seconds
        self._longest_seconds = max(longest_loop_seconds, after_seconds)

    def start(self) -> Watched:
        return Watched(Recurrence(self._after_seconds / 2, self._longest_seconds), Pauses(round(self._after_seconds)))

    def score(self, batch: Sequence[tuple[Watched, Pane]]) -> list[Samples]:
        return [self._score(memory, pane) for memory, pane in batch]

    def _score(self, memory: Watched, pane: Pane) -> Samples:
        if pane.sound is not None:
            memory.sound.hear(pane.sound)
        if pane.frames is None:
            return Samples.none()
        looks = list(memory.pictures.look(pane.frames))
        values = [float(self._is_standby(seen, memory)) for seen in looks]
        return Samples(np.array([seen.seconds for seen in looks]), np.array(values))

    def _is_standby(self, seen: Seen, memory: Watched) -> bool:
        if seen.back_seconds < self._after_seconds / 2:
            return False
        heard = memory.sound.heard(seen.seconds)
        if heard == "broken" and seen.back_seconds >= self._after_seconds / 2 + CERTAIN_SECONDS:
            memory.spoken_seconds = seen.seconds
        if heard == "broken" or seen.seconds - memory.spoken_seconds < SPOKEN_SECONDS:
            return False
        return heard == "unbroken" or seen.is_black or not seen.stands_still
