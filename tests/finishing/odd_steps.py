"""Finishing steps that do what steps do, or what they must not; also from outside the repository, as far as the program knows."""

import threading
from collections.abc import Callable
from typing import Any

from stream_processor.finishing.contract import Evidence
from stream_processor.finishing.draft import Draft


class Doing:
    """A step that does ``what``, and remembers what it was given."""

    def __init__(self, what: Callable[[Draft], Any], name: str = "odd", reach_seconds: float = 0.0) -> None:
        self.name = name
        self.before_seconds = self.after_seconds = reach_seconds
        self.given: list[Draft] = []
        self._what = what

    def finish(self, draft: Draft, evidence: Evidence) -> Any:
        self.given.append(draft)
        return self._what(draft)


class Hanging(Doing):
    """Until ``released``."""

    def __init__(self, name: str = "hanging") -> None:
        super().__init__(self._hang, name)
        self.began, self.released = threading.Event(), threading.Event()

    def _hang(self, draft: Draft) -> Draft:
        self.began.set()
        self.released.wait(60)
        return draft


class Choosy:
    """Keeps no file of anything."""

    name = "choosy"
    before_seconds = after_seconds = 0.0

    def finish(self, draft: Draft, evidence: Evidence) -> Draft:
        return draft.dropped(self.name, "ranked 7th of the last hour, 6 are kept")


class Later:
    """Half a second later at both ends, by what it may look at."""

    name = "later"
    before_seconds = 0.0
    after_seconds = 0.5

    def finish(self, draft: Draft, evidence: Evidence) -> Draft:
        moved = {"start_seconds": draft.start_seconds + 0.5, "end_seconds": min(draft.end_seconds + 0.5, evidence.bounds[1])}
        return draft.moved(self.name, "half a second later", **moved)


class Broken:
    name = "broken"
    before_seconds = after_seconds = 0.0

    def finish(self, draft: Draft, evidence: Evidence) -> Draft:
        raise ZeroDivisionError("a bug in a step")


class Stuck:
    """For ever."""

    name = "stuck"
    before_seconds = after_seconds = 0.0

    def finish(self, draft: Draft, evidence: Evidence) -> Draft:
        threading.Event().wait()
        return draft


class Nothing:
    """No step at all."""
