"""Something that may block for ever, read in a thread of its own, so that whoever waits for it can leave it where it hangs."""

import contextlib
import threading
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

import structlog

from stream_processor.errors import ClipError

T = TypeVar("T")

MOST_ITEMS = 64
"""What was read and not taken yet; then the reading thread waits. Nothing is dropped."""

log = structlog.get_logger()


class Reading(Generic[T]):
    """``items`` is run through in a new thread, which also closes it. One thread takes.

    After ``leave`` nothing of it reaches anybody, however late it wakes up: what was not taken, or comes only then, is given to
    ``late``, in a thread of the reading's. ``is_enough`` is asked after each item, and ends it early; what was read until then
    can still be taken.
    """

    def __init__(
        self,
        items: Callable[[], Generator[T]],
        *,
        name: str,
        is_enough: Callable[[], bool] = lambda: False,
        late: Callable[[T], None] = lambda _: None,
    ) -> None:
        self._items = items
        self._is_enough = is_enough
        self._late = late
        self._read: list[T] = []
        self._error: BaseException | None = None
        self._over = False
        self._left = False
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def take(self, timeout_seconds: float) -> list[T] | None:
        """What was read meanwhile, in order; empty: nothing in time; None: the end. Raises what ended it, once all was taken."""
        with self._changed:
            self._changed.wait_for(lambda: self._read or self._over, timeout_seconds)
            if self._read:
                items, self._read = self._read, []
                self._changed.notify_all()
                return items
            if not self._over:
                return []
            if self._error is not None:
                raise self._error
            return None

    def leave(self) -> None:
        """Nobody takes from it any more."""
        with self._changed:
            self._left = True
            rest, self._read = self._read, []
            self._changed.notify_all()
        if rest:
            threading.Thread(target=lambda: [self._late(item) for item in rest], name="leave", daemon=True).start()

    def join(self, timeout_seconds: float) -> bool:
        """Wait until it has read and closed all. False: not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._over, timeout_seconds)

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            with contextlib.closing(self._items()) as items:
                for item in items:
                    if not self._hand_over(item):
                        break
        except BaseException as raised:  # raised again where it is taken
            error = raised
        with self._changed:
            self._over, self._error = True, error
            self._changed.notify_all()
            if self._left and error is not None and not isinstance(error, ClipError):
                log.error("a read that nobody waited for any more has failed", exc_info=error)

    def _hand_over(self, item: T) -> bool:
        """Whether to go on."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._read) < MOST_ITEMS or self._left)
            if not self._left:
                self._read.append(item)
                self._changed.notify_all()
                return not self._is_enough()
        self._late(item)
        return False
