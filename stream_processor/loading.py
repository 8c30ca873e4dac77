"""What takes long to load, each in a thread of its own while the streams are already being buffered."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Generic, TypeVar

from stream_processor.errors import GivenUp

T = TypeVar("T")


class Loading(Generic[T]):
    """``add`` what is to be loaded, then ``start``. Each future has its result, or what loading it raised.

    One that is slow holds up no other. The threads are daemons: an import or a download that nobody waits for any more
    holds up no exit.
    """

    def __init__(self) -> None:
        self._jobs: list[tuple[Callable[[], T], Future[T]]] = []

    def add(self, load: Callable[[], T]) -> "Future[T]":
        future: Future[T] = Future()
        self._jobs.append((load, future))
        return future

    def start(self) -> None:
        for load, future in self._jobs:
            threading.Thread(target=_run, args=(load, future), name="loading", daemon=True).start()

    def give_up(self) -> None:
        """Whoever still waits gets GivenUp."""
        for _, future in self._jobs:
            with suppress(InvalidStateError):  # it has its result
                future.set_exception(GivenUp("asked to end before everything was loaded"))


def _run(load: Callable[[], T], future: "Future[T]") -> None:
    try:
        loaded = load()
    except BaseException as error:  # raised again by the future
        with suppress(InvalidStateError):  # given up
            future.set_exception(error)
    else:
        with suppress(InvalidStateError):
            future.set_result(loaded)
