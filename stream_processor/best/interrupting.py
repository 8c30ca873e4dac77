"""Ctrl+C and SIGTERM, heard where it does no harm.

Python raises KeyboardInterrupt between any two instructions, also while a thread is being started, which then can be neither
joined nor left. So wherever threads are at work the signal is only noted, and ``check`` raises it; everywhere else, as while
models load, it is raised at once. A second one is always raised at once.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruptions:
    """For one run, in the main thread."""

    def __init__(self) -> None:
        self._is_held = False
        self._is_asked = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Signals come here instead of where they went before."""
        before = {number: signal.signal(number, self._hear) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def held(self, *, is_final: bool = False) -> Iterator[None]:
        """Threads are at work: raise nothing but by ``check``, and at the end what is still due. ``is_final``: not then."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if not is_final:  # then it comes too late to change anything
            self.check()

    def check(self) -> None:
        """KeyboardInterrupt: somebody asked for the end."""
        if self._is_asked:
            raise KeyboardInterrupt

    def _hear(self, number: int, frame: FrameType | None) -> None:
        is_first, self._is_asked = not self._is_asked, True
        if not (self._is_held and is_first):
            raise KeyboardInterrupt
