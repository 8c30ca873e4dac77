"""What nothing has caught, wherever it was raised, becomes an error in the log, with its traceback and without secrets.

Python's own hooks would print it to standard error as it is, past the log's file and past redaction. What asyncio's tasks and
callbacks leave behind goes into the log by itself, but for one thing that is no trouble (``in_loop``).
"""

import asyncio
import errno
import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

from stream_processor.redact import redact

_LOGGER = "stream_processor.logs.uncaught"


def log_uncaught() -> None:
    """For the life of the process: the main thread, all other threads, and what Python can raise nowhere (``__del__``)."""
    sys.excepthook = _of_main_thread
    threading.excepthook = _of_thread
    sys.unraisablehook = _of_nobody


def in_loop(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The loop's exception handler: as without one, except where a connection went before the loop could begin to watch it.

    aiomqtt has that done later than it asks for it. That the broker has gone, and is looked for again, is said anyway.
    """
    error, words = context.get("exception"), str(context.get("message"))
    is_closed = getattr(error, "errno", None) == errno.EBADF or "Invalid file descriptor" in str(error)
    if not (is_closed and ("SelectorEventLoop.add_writer" in words or "SelectorEventLoop.add_reader" in words)):
        loop.default_exception_handler(context)


def _of_main_thread(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        _say(logging.CRITICAL, "ended by an error that nothing caught", error)


def _of_thread(raised: threading.ExceptHookArgs) -> None:
    if raised.exc_value is not None and not issubclass(raised.exc_type, SystemExit):
        name = raised.thread.name if raised.thread is not None else "?"
        _say(logging.ERROR, f"the thread {name} ended by an error that nothing caught", raised.exc_value)


def _of_nobody(raised: "sys.UnraisableHookArgs") -> None:
    if raised.exc_value is not None:
        _say(logging.ERROR, raised.err_msg or "an error was raised where nothing can catch it", raised.exc_value)


def _say(level: int, words: str, error: BaseException) -> None:
    if logging.getLogger().handlers:
        logging.getLogger(_LOGGER).log(level, words, exc_info=error)
    else:  # the log is not there yet
        trace = "".join(traceback.format_exception(error))
        print(redact(f"{words}\n{trace}").rstrip(), file=sys.stderr)
