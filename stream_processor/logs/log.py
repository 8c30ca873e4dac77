"""The program's log: structlog, with the standard library's loggers of streamlink, asyncio and others led into it.

Whatever is logged passes ``redacted`` last, just before it is turned into text. Where it goes: ``plain`` lines on standard
output, warnings and errors on standard error; ``json`` lines on standard output; ``rich`` into a ``LogPanel`` for the dashboard.
Beside that into a file, if one is asked for: with date and UTC, as lines, or as JSON under ``json``.
FFmpeg's own log stays switched off, as PyAV has it: what matters of it comes as an exception.
"""

import contextlib
import errno
import json
import logging
import os
import stat
import sys
from collections import deque
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, TextIO

import structlog

from stream_processor.logs.log_apart import Apart
from stream_processor.logs.log_file import LogFile
from stream_processor.logs.log_gate import Gate
from stream_processor.redact import redact
from stream_processor.settings import LogSettings

_OURS = ("stream_processor", "scorers", "sinks", "__main__")
_SECRET_KEYS = ("password", "passphrase", "token", "secret", "stream_key", "api_key", "authorization", "cookie")
_PLAIN_VALUES = (bool, int, float, type(None))


class LogLine(NamedTuple):
    level: str
    text: str
    """Time, event and values in one line, redacted."""


class LogPanel(logging.Handler):
    """The last lines, for the dashboard. After ``let_through`` the terminal is free again: lines go to standard error."""

    def __init__(self, max_lines: int = 200) -> None:
        super().__init__()
        self.lines: deque[LogLine] = deque(maxlen=max_lines)
        self.lets_through = False

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if self.lets_through:
            write_line(text, sys.stderr)
        else:
            self.lines.append(LogLine(record.levelname.lower(), text))

    def let_through(self) -> None:
        """Say the warnings and errors again that would vanish with the dashboard, and let later lines through."""
        self.lets_through = True
        for line in self.lines:
            if line.level in ("warning", "error", "critical"):
                write_line(line.text, sys.stderr)


class _Lines(logging.Handler):
    """How it goes to standard output, what went wrong to standard error unless ``all_to_output``."""

    def __init__(self, *, all_to_output: bool) -> None:
        super().__init__()
        self._all_to_output = all_to_output

    def emit(self, record: logging.LogRecord) -> None:
        is_trouble = record.levelno >= logging.WARNING and not self._all_to_output
        write_line(self.format(record), sys.stderr if is_trouble else sys.stdout)


def write_line(text: str, out: TextIO) -> None:
    """Write the line at once, if it can be: whoever reads along never ends what is watched.

    Once he has gone (``main … | head``, or the terminal was closed), all that is still written to ``out`` goes nowhere, Python's
    own last flush as well.
    """
    try:
        try:
            out.write(f"{text}\n")
        except UnicodeEncodeError as error:  # half a surrogate pair, or a code page without those letters
            out.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding) + "\n")
        out.flush()
    except OSError as error:  # a full disk under ``> file``: this line is lost, the next may not be
        if isinstance(error, BrokenPipeError) or (error.errno == errno.EIO and _is_device(out)):
            _lead_nowhere(out)


def _is_device(out: TextIO) -> bool:
    """A terminal, also one that was closed: ``isatty`` denies that."""
    try:
        return stat.S_ISCHR(os.fstat(out.fileno()).st_mode)
    except OSError:
        return False


def _lead_nowhere(out: TextIO) -> None:
    with contextlib.suppress(OSError), open(os.devnull, "w") as nowhere:  # noqa: PTH123 # no path: a device
        os.dup2(nowhere.fileno(), out.fileno())


def configure(ui: Literal["rich", "plain", "json"], settings: LogSettings) -> LogPanel:
    """Set up logging for this process, anew at every call. The panel stays empty unless ``ui`` is rich."""
    is_json = ui == "json"
    panel = LogPanel()
    screen: logging.Handler = panel if ui == "rich" else _Lines(all_to_output=is_json)
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
    ]
    screen.setFormatter(_formatter(before, is_json=is_json, is_dated=is_json))
    handlers = [screen]
    if settings.file is not None:
        file = Apart(LogFile(settings.file, max_mb=settings.file_max_mb, kept=settings.files_kept))
        file.setFormatter(_formatter(before, is_json=is_json, is_dated=True))
        handlers.append(file)
    root = logging.getLogger()
    for handler in root.handlers:
        if isinstance(handler, Gate):
            handler.close()
    root.handlers[:] = [Gate(handlers)]
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(settings.level.upper())
    logging.getLogger("streamlink").setLevel(logging.DEBUG if settings.level == "debug" else logging.WARNING)
    logging.captureWarnings(True)
    logger_class = logging.getLoggerClass()
    factory = structlog.stdlib.LoggerFactory()
    logging.setLoggerClass(logger_class)  # structlog's would take the place of streamlink's, which has a level of its own
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=factory,
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return panel


def _formatter(before: Sequence[structlog.typing.Processor], *, is_json: bool, is_dated: bool) -> logging.Formatter:
    """``before``: what structlog's own loggers have done with a line already, and those of others have not."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[
            _with_date if is_dated else _with_time,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redacted,
            _as_json if is_json else _as_text,
        ],
    )


def _with_date(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    made_at = datetime.fromtimestamp(event["_record"].created, UTC)
    return {"time": made_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), **event}


def _with_time(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Of the day, where people live."""
    return {"time": datetime.fromtimestamp(event["_record"].created).astimezone().strftime("%H:%M:%S"), **event}


def redacted(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Every text in it without secrets, however deep; objects that are no plain values are turned into text first."""
    return {key: _clean(key, value) for key, value in event.items()}


def _clean(key: str, value: Any) -> Any:
    if any(word in key.lower() for word in _SECRET_KEYS):
        return "***"
    if isinstance(value, _PLAIN_VALUES):
        return value
    if isinstance(value, Mapping):
        return {redact(str(inner)): _clean(str(inner), below) for inner, below in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(key, inner) for inner in value]
    return redact(str(value))


def _as_text(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    """``20:15:00 warning  the event  key=value``, a traceback below it."""
    rest = dict(event)
    time, level, what = rest.pop("time", ""), rest.pop("level", ""), rest.pop("event", "")
    trace = rest.pop("exception", None)
    values = "".join(f"  {key}={_shown(value)}" for key, value in rest.items())
    return f"{time} {level:<7} {_in_one_line(str(what))}{values}" + (f"\n{trace}" if trace else "")


def _in_one_line(what: str) -> str:
    """Of an event in somebody else's words: nothing in it begins a line of its own or moves a terminal's cursor."""
    if what.isprintable():
        return what
    return "".join(each if each.isprintable() else " " if each.isspace() else repr(each)[1:-1] for each in what)


def _as_json(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    return json.dumps({"type": "log", **event}, ensure_ascii=False)


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and (not value or not value.isprintable() or " " in value):
        return repr(value)
    return str(value)
