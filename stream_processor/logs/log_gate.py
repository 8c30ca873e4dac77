"""The one handler of the root logger: hands each line to those that write it, and floods of the same trouble only in part."""

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence

from stream_processor.logs.repeats import LeftOut, Repeats, Topic
from stream_processor.redact import redact

_WORDS = 200
"""Letters of a line that are compared."""
_NUMBERED = re.compile(r"\w*\d\w*")
"""A number, and what has one in it: segments, attempts and file names make no other line."""


class Gate(logging.Handler):
    """Warnings and errors go through ``Repeats``; all else passes. What was left out is said with whatever line comes next."""

    def __init__(self, handlers: Sequence[logging.Handler], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._handlers = handlers
        self._clock = clock
        self._repeats = Repeats()

    def emit(self, record: logging.LogRecord) -> None:
        now = self._clock()
        says = record.levelno < logging.WARNING or self._repeats.says(_topic(record), now)
        self._tell(self._repeats.due(now))
        if says:
            self._hand_over(record)

    def flush(self) -> None:
        """At the end: nothing that was left out stays untold, or is on its way."""
        self.acquire()
        try:
            self._tell(self._repeats.rest())
        finally:
            self.release()
        for handler in self._handlers:
            handler.flush()

    def close(self) -> None:
        for handler in self._handlers:
            handler.close()
        super().close()

    def _tell(self, left_out: Sequence[LeftOut]) -> None:
        for topic, lines in left_out:
            words = f"{topic.words}: and {lines} more within a minute{f', of {topic.of}' if topic.of else ''}"
            self._hand_over(logging.LogRecord(topic.logger, topic.level, "", 0, words, (), None))

    def _hand_over(self, record: logging.LogRecord) -> None:
        for handler in self._handlers:
            handler.handle(record)


def _topic(record: logging.LogRecord) -> Topic:
    """structlog's lines come as mappings, others as texts. They are redacted first: half a secret is not known as one."""
    of = ""
    if isinstance(record.msg, Mapping):
        of = str(record.msg.get("channel") or record.msg.get("sink") or "")[:_WORDS]
        words = str(record.msg.get("event", ""))
    else:
        words = record.getMessage()
    return Topic(record.name, record.levelno, _NUMBERED.sub("#", redact(words)[:_WORDS]), of)
