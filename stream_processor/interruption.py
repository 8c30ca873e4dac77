"""Ctrl+C and SIGTERM: the first ends the run in order, a second Ctrl+C ends the process at once."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import structlog

log = structlog.get_logger()

INTERRUPTED = 130
"""The exit code after Ctrl+C, as shells have it."""


class Interruption:
    """What is to be stopped when an end in order is asked for."""

    def __init__(self) -> None:
        self.exit_code = 0
        self.is_asked = False
        self._stops: list[Callable[[], None]] = []

    @contextlib.contextmanager
    def stopping(self, stop: Callable[[], None]) -> Iterator[None]:
        """Within: call ``stop`` when an end is asked for, or at once if it was already."""
        self._stops.append(stop)
        try:
            if self.is_asked:
                stop()
            yield
        finally:
            self._stops.remove(stop)

    def interrupt(self) -> None:
        """Ctrl+C."""
        if self.exit_code:
            os._exit(INTERRUPTED)
        self.exit_code = INTERRUPTED
        self._end("interrupted: closing what is open; again to end at once")

    def terminate(self) -> None:
        """SIGTERM."""
        self._end("asked to end: closing what is open")

    def _end(self, words: str) -> None:
        self.is_asked = True
        log.info(words)
        for stop in list(self._stops):
            try:
                stop()
            except Exception:  # one that cannot be stopped must not keep the others going
                log.exception("a part could not be told to end")


@contextlib.contextmanager
def interruptible() -> Iterator[Interruption]:
    """Take over both signals for the running event loop, and give them back. Outside the main thread: do nothing."""
    interruption = Interruption()
    loop = asyncio.get_running_loop()
    handlers: Mapping[signal.Signals, Callable[[], None]] = {
        signal.SIGINT: interruption.interrupt,
        signal.SIGTERM: interruption.terminate,
    }
    before: dict[signal.Signals, Any] = {}
    for number, handler in handlers.items():
        try:
            loop.add_signal_handler(number, handler)
        except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
            with contextlib.suppress(ValueError):
                before[number] = signal.signal(number, lambda *_, call=handler: loop.call_soon_threadsafe(call))
    try:
        yield interruption
    finally:
        for number in handlers:
            if number in before:
                signal.signal(number, before[number])
            else:
                with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                    loop.remove_signal_handler(number)
