"""Waiting for a blocking call from the event loop, in a thread that nobody else needs."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_own_thread(function: Callable[[], T], name: str) -> T:
    """What ``function`` returns or raises.

    ``asyncio.to_thread`` has a handful of threads for the whole process: with one long wait per channel they would be used
    up, and everything else in the loop would stand still behind them.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if result.done():  # whoever waited was cancelled
            return
        if error is not None:
            result.set_exception(error)
        else:
            result.set_result(value)  # type: ignore[arg-type] # without an error it is what the function returned

    def run() -> None:
        value, error = None, None
        try:
            value = function()
        except BaseException as raised:  # raised again where it is awaited
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await result


class Errand:
    """A blocking call on its way in a thread of its own. Made in the event loop, which may stop waiting for it at any time.

    ``then`` is called after it, in its thread, and where it is left, in the loop: so perhaps twice.
    """

    def __init__(self, function: Callable[[], None], name: str, then: Callable[[], None] = lambda: None) -> None:
        def run() -> None:
            try:
                function()
            finally:
                then()

        self._then = then
        self._task = asyncio.ensure_future(in_own_thread(run, name))
        self._left = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """It has returned, or nobody waits for it any more."""
        return self._task.done() or self._left.is_set()

    def leave(self) -> None:
        """Whoever waits for it goes on, and so does it, if it ever can."""
        self._left.set()
        self._then()

    async def wait(self) -> None:
        """Until it returns or is left. Raises what it raises."""
        left = asyncio.ensure_future(self._left.wait())
        try:
            await asyncio.wait({self._task, left}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left.cancel()
        if not self._task.done():
            self._task.cancel()
        elif not self._task.cancelled():  # it was left, and is waited for again
            self._task.result()
