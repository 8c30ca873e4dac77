"""Ctrl+C, SIGTERM and SIGHUP (the terminal was closed): the first of them ends the run in order and within a stated time,
a second Ctrl+C ends the process at once.

::

    asked   what was read is decided   boundaries moved   clips are cut   sinks take alerts   and close    journal
      ├───────────────────┼──────────────────┼────────────────┼────────────────┼──────────────────┼────────────┤ os._exit
      0                READING           FINISHING         CUTTING         DRAINING            CLOSING         1  × stop_seconds

What still hangs at its mark is left behind, said by its name, and the next stage begins; what it had not finished, the next
start completes. The last mark does not depend on the event loop, which may hang itself.
"""

import asyncio
import contextlib
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

log = structlog.get_logger()

INTERRUPTED = 130
"""The exit code after Ctrl+C, as shells have it."""
CUT_SHORT = 1
"""The exit code after SIGTERM where not even the journal could be closed in time."""

READING, FINISHING, CUTTING, DRAINING, CLOSING = 0.35, 0.45, 0.65, 0.8, 0.95
"""The marks, as shares of ``process.stop_seconds``."""

MOMENT = 0.05
"""So long, as a share of it, what begins after its mark may take: before it, somebody else has used up the time."""

_LAST_WORDS_SECONDS = 1.0


class Timer(Protocol):
    def cancel(self) -> None: ...


CallLater = Callable[[float, Callable[[], None]], Timer]


@dataclass(eq=False)
class _Stop:
    """What is told of the end, ``share`` of the stop's time after it was asked for."""

    call: Callable[[], object]
    share: float
    timer: Timer | None = None


class Interruption:
    """What is to be stopped when an end in order is asked for, and what of it takes too long."""

    def __init__(
        self,
        stop_seconds: float = 20.0,
        *,
        call_later: CallLater | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stop_seconds = stop_seconds
        self.exit_code = 0
        self.is_asked = False
        self.left_behind: list[str] = []
        """What did not end in time. Threads of it may still run: the process had better not wait for them."""
        self._call_later = call_later
        self._clock = clock
        self._asked_at = math.inf
        self._stops: list[_Stop] = []

    @contextlib.contextmanager
    def stopping(self, stop: Callable[[], object], after: float = 0.0) -> Iterator[None]:
        """Within: call ``stop`` when an end is asked for, or at once if it was already; ``after``: so much of the time later."""
        one = _Stop(stop, after)
        self._stops.append(one)
        try:
            if self.is_asked:
                self._tell(one)
            yield
        finally:
            self._stops.remove(one)
            if one.timer is not None:
                one.timer.cancel()

    async def patiently(self, waited: Awaitable[object], until: float, what: str) -> bool:
        """Wait for it: once an end was asked for, to that mark at most, but for a ``MOMENT`` at least.

        False: it was left behind. Raises what it raises.
        """
        task, late = asyncio.ensure_future(waited), asyncio.Event()
        passed = (self._clock() - self._asked_at) / self.stop_seconds if self.is_asked else 0.0
        with self.stopping(late.set, after=max(until, passed + MOMENT)):
            waiter = asyncio.ensure_future(late.wait())
            try:
                await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiter.cancel()
        if not task.done():
            self.leave(what)
            task.cancel()
            return False
        task.result()
        return True

    def left_seconds(self, until: float) -> float:
        """To that mark; infinite while nobody has asked for an end."""
        return max(0.0, self._asked_at + until * self.stop_seconds - self._clock())

    def leave(self, what: str, **where: str) -> None:
        """Say of something that it is left behind."""
        self.left_behind.append(what)
        seconds = round(self._clock() - self._asked_at)
        log.warning(f"still hangs {seconds} s after the end was asked for, and is left behind", what=what, **where)

    def interrupt(self) -> None:
        """Ctrl+C."""
        self.exit_code = INTERRUPTED
        self._end(f"interrupted: closing what is open, for at most {self.stop_seconds:g} s; again to end at once")

    def terminate(self) -> None:
        """SIGTERM, or the terminal was closed."""
        self._end(f"asked to end: closing what is open, for at most {self.stop_seconds:g} s")

    def _end(self, words: str) -> None:
        log.info(words)
        if self.is_asked:
            return
        self.is_asked, self._asked_at = True, self._clock()
        for stop in list(self._stops):
            self._tell(stop)

    def _tell(self, stop: _Stop) -> None:
        seconds = self.left_seconds(stop.share) if stop.share else 0.0
        if seconds > 0:
            call_later: CallLater = self._call_later or asyncio.get_running_loop().call_later
            stop.timer = call_later(seconds, lambda: self._call(stop))
        else:
            self._call(stop)

    def _call(self, stop: _Stop) -> None:
        try:
            stop.call()
        except Exception:  # one that cannot be stopped must not keep the others going
            log.exception("a part could not be told to end")


class LastResort:
    """Ends the process so many seconds after it was armed, unless it was called off: from a thread that waits for nothing."""

    def __init__(self, seconds: float, exit_code: Callable[[], int], leave: Callable[[int], Any] = os._exit) -> None:
        self._seconds = seconds
        self._exit_code = exit_code
        self._leave = leave
        self._armed, self._off = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="last resort", daemon=True)
        self._thread.start()  # now: a signal's handler had better not start threads

    def arm(self) -> None:
        """Also from a signal's handler."""
        self._armed.set()

    def call_off(self) -> None:
        self._off.set()
        self._armed.set()
        self._thread.join()

    def _watch(self) -> None:
        self._armed.wait()
        if self._off.wait(self._seconds):
            return
        words = threading.Thread(target=self._say, name="last words", daemon=True)
        words.start()
        words.join(_LAST_WORDS_SECONDS)  # whoever hangs may hold the log
        self._leave(self._exit_code())

    def _say(self) -> None:
        log.error(f"not at an end {self._seconds:g} s after being asked: leaving all as it is; the next start completes it")
        for handler in logging.getLogger().handlers:
            handler.flush()


@contextlib.contextmanager
def interruptible(stop_seconds: float = 20.0) -> Iterator[Interruption]:
    """Take over these signals for the running event loop, and give them back. Outside the main thread: do nothing.

    A SIGHUP that is ignored stays so: under ``nohup`` the terminal may close. The handlers run even when the loop
    stands still: then they can do no more than end the process when the time is over.
    """
    interruption = Interruption(stop_seconds)
    last_resort = LastResort(stop_seconds, lambda: interruption.exit_code or CUT_SHORT)
    loop = asyncio.get_running_loop()
    seen: set[int] = set()

    def handle(number: int, _frame: Any) -> None:
        if number == signal.SIGINT and number in seen:
            os._exit(INTERRUPTED)
        if not seen:
            seen.add(number)
            last_resort.arm()
        seen.add(number)
        loop.call_soon_threadsafe(interruption.interrupt if number == signal.SIGINT else interruption.terminate)

    before: dict[signal.Signals, Any] = {}
    for taken in _taken():
        with contextlib.suppress(ValueError):  # not the main thread
            before[taken] = signal.signal(taken, handle)
    try:
        yield interruption
    finally:
        for taken, handler in before.items():
            signal.signal(taken, handler)
        if not interruption.left_behind:
            last_resort.call_off()


def _taken() -> list[signal.Signals]:
    taken = [signal.SIGINT, signal.SIGTERM]
    hangup: signal.Signals | None = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        taken.append(hangup)
    return taken
