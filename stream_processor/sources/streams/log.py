"""streamlink's log goes into ours, without the addresses and tokens that it holds."""

import logging
import re

import structlog

from stream_processor.redact import redact
from stream_processor.sources.streams.words import one_line

_QUERY = re.compile(r"\?[^\s'\")>]+")
"""urllib3 writes addresses without their host, which ``redact`` does not take for URLs."""


_OURS = "stream_processor.streamlink"
"""Not streamlink's own name: its handler, this one, would hear itself for ever."""


class _Redacting(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        text = _QUERY.sub("?***", redact(one_line(record.getMessage())))
        level = min(record.levelno, logging.WARNING)  # its errors are ours to judge
        structlog.get_logger(_OURS).log(level, f"streamlink: {text}")


def redirect_log() -> None:
    """May be called more than once."""
    root = logging.getLogger("streamlink")
    root.propagate = False
    if not any(isinstance(handler, _Redacting) for handler in root.handlers):
        root.handlers[:] = [_Redacting()]
    root.setLevel(min(root.level or logging.INFO, logging.INFO))  # DEBUG stays, where somebody asked for it
    # It warns that it cannot mux without an ffmpeg program, which it is not asked to.
    logging.getLogger("streamlink.stream.ffmpegmux").setLevel(logging.ERROR)
    # Its lines hold addresses with their tokens.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
