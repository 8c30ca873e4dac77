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
