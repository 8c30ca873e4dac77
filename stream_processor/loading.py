"""What takes long to load, loaded one after the other in a thread of its own while the streams are already being buffered."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Generic, TypeVar

from stream_processor.errors import GivenUp

T = TypeVar("T")


class Loading(Generic[T]):
    """``add`` what is to be loaded, then ``start``. Each future has its result, or what loading it raised.

    The thread is a daemon: an import or a download that nobody waits for any more holds up no exit.
    """

    def __init__(self) -> None:
        self._jobs: list[tuple[Callable[[], T], Future[T]]] = []
        self._given_up = False

    def add(self, load: Callable[[], T]) -> "Future[T]":
        future: Future[T] = Future()
        self._jobs.append((load, future))
        return future

    def start(self) -> None:
        threading.Thread(target=self._run, name="loading", daemon=True).start()

    def give_up(self) -> None:
        """Whoever still waits gets GivenUp."""
        self._given_up = True
        for _, future in self._jobs:
            with suppress(InvalidStateError):  # it has its result
                future.set_exception(GivenUp("asked to end before everything was loaded"))

    def _run(self) -> None:
        for load, future in self._jobs:
            if self._given_up:
                return
            try:
                loaded = load()
            except BaseException as error:  # raised again by the future
                with suppress(InvalidStateError):
                    future.set_exception(error)
            else:
                with suppress(InvalidStateError):
                    future.set_result(loaded)
