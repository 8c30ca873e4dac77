"""How ``main best`` says how far it is: a bar on a terminal, a line every few seconds elsewhere. Both on standard error."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from stream_processor.logs.log import write_line

EVERY_SECONDS = 5.0


class Teller(Protocol):
    """Told from one thread."""

    def say(self, line: str) -> None:
        """A line that stays."""
        ...

    def at(self, what: str, done: float, total: float | None, detail: str = "") -> None:
        """What is being done and how much of it is, in any unit; ``total`` None: not known."""
        ...

    def end(self) -> None:
        """It is done."""
        ...


class Lines:
    """A line every ``EVERY_SECONDS``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said_at = clock()

    def say(self, line: str) -> None:
        write_line(line, sys.stderr)

    def at(self, what: str, done: float, total: float | None, detail: str = "") -> None:
        now = self._clock()
        if now - self._said_at >= EVERY_SECONDS:
            self._said_at = now
            share = f"{min(done / total, 1.0):.0%}" if total else f"{done:.0f} s"
            self.say(f"{what}: {share}{', ' + detail if detail else ''}")

    def end(self) -> None:
        pass


class Bar:
    """One bar at a time, which vanishes when what it shows is done."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[detail]}"),
        )
        self._progress = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("", total=None, detail="", visible=False)
        self._progress.start()

    def say(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def at(self, what: str, done: float, total: float | None, detail: str = "") -> None:
        self._progress.update(self._task, description=what, completed=done, total=total, detail=detail, visible=True)

    def end(self) -> None:
        self._progress.update(self._task, visible=False)

    def close(self) -> None:
        self._progress.stop()


@contextmanager
def teller() -> Iterator[Teller]:
    """A bar where somebody looks at a terminal, else lines."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    bar = Bar()
    try:
        yield bar
    finally:
        bar.close()
