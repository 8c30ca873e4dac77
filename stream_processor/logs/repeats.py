"""Which lines of a log are said, where the same trouble comes again and again, and how many were left out. Pure: times are given.

said      x x x . . . . . | "x: and 214 more within a minute" | x x x . .
minute    └────── window ──────┘                                   └── the next one begins with the next line ──
"""

from dataclasses import dataclass
from typing import NamedTuple

FIRST = 3
WINDOW_SECONDS = 60.0
_MAX_TOPICS = 256


class Topic(NamedTuple):
    """What makes two lines the same: who says what of whom, whatever numbers go with it."""

    logger: str
    level: int
    words: str
    of: str = ""


class LeftOut(NamedTuple):
    topic: Topic
    lines: int


@dataclass
class _Window:
    began_at: float
    lines: int = 0


class Repeats:
    """The first ``FIRST`` lines on a topic within ``WINDOW_SECONDS`` are said, the others counted.

    It remembers ``_MAX_TOPICS`` topics; the one that began longest ago makes room for a new one, and what it left out is ``due``.
    """

    def __init__(self) -> None:
        self._windows: dict[Topic, _Window] = {}  # in the order in which they began
        self._due: list[LeftOut] = []

    def says(self, topic: Topic, now: float) -> bool:
        """Whether a line on ``topic`` is said. ``now``: monotonic seconds."""
        self._end_before(now - WINDOW_SECONDS)
        window = self._windows.get(topic)
        if window is None:
            if len(self._windows) == _MAX_TOPICS:
                self._end(next(iter(self._windows)))
            window = self._windows[topic] = _Window(now)
        window.lines += 1
        return window.lines <= FIRST

    def due(self, now: float) -> list[LeftOut]:
        """What was left out of windows that are over; each once."""
        self._end_before(now - WINDOW_SECONDS)
        due, self._due = self._due, []
        return due

    def rest(self) -> list[LeftOut]:
        """What was left out and is not told yet: nothing more will come."""
        self._end_before(float("inf"))
        return self.due(0.0)

    def _end_before(self, began_at: float) -> None:
        while self._windows:
            topic = next(iter(self._windows))
            if self._windows[topic].began_at > began_at:
                return
            self._end(topic)

    def _end(self, topic: Topic) -> None:
        lines = self._windows.pop(topic).lines
        if lines > FIRST:
            self._due.append(LeftOut(topic, lines - FIRST))
