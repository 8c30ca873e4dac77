"""TOML that anybody may have written, read within bounds: of size, depth, digits and patience.

The standard library's parser is right, but has none of them: a key of a hundred thousand parts takes all memory, arrays in
arrays in arrays end in a traceback, and a pipe that nobody writes to is waited for without end.
"""

import os
import pathlib
import re
import select
import stat
import time
import tomllib
from typing import Any

from stream_processor.errors import SettingsError

MAX_MB = 1
MAX_DEPTH = 32
"""Tables in tables, and parts of one dotted key."""
PATIENCE_SECONDS = 5.0
"""So long in all a pipe may take until everything is there."""

_MAX_BYTES = MAX_MB * 1_000_000
_WHOLE_NUMBERS = range(-(1 << 63), 1 << 63)
"""What TOML asks for; Python's own numbers have no end, and take as long to be shown."""
_PART = r"(?:[A-Za-z0-9_-]++|\"[^\"\n]*+\"|'[^'\n]*+')[ \t]*+\.[ \t]*+"
_DEEP_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}){{{MAX_DEPTH},}}+")


def read(file: pathlib.Path) -> dict[str, Any]:
    """The file's table; a pipe will do. SettingsError: it cannot be read, is no TOML, or goes beyond the bounds."""
    try:
        content = _content(file)
    except OSError as error:
        raise SettingsError(f"{_shown(file)}: {error.strerror or error}") from error
    except ValueError as error:  # a NUL, half a surrogate pair
        raise SettingsError(f"{_shown(file)}: cannot be a file name") from error
    try:
        text = content.decode("utf-8")
        _check_keys(text)
        return _checked(tomllib.loads(text))
    except RecursionError as error:
        raise SettingsError(f"{file}: not TOML: nested too deeply (at most {MAX_DEPTH} levels)") from error
    except ValueError as error:
        raise SettingsError(f"{file}: not TOML: {error}") from error


def value(text: str) -> Any:
    """A value as TOML reads it (true, 3, [1, 2], "text"); what is no TOML value is text as it stands."""
    if len(text) > _MAX_BYTES:
        return text
    try:
        _check_keys(text)
        table = _checked(tomllib.loads(f"value = {text}"))
    except (ValueError, RecursionError):
        return text
    return table["value"] if list(table) == ["value"] and not hasattr(table["value"], "isoformat") else text


def _check_keys(text: str) -> None:
    """ValueError: a dotted key of more parts than anything here has, for which the parser takes the square of its length."""
    if _DEEP_KEY.search(text):
        raise ValueError(f"a key of more than {MAX_DEPTH} parts")


def _checked(table: dict[str, Any]) -> dict[str, Any]:
    """The table itself. ValueError: nested too deeply, or a number that is too large."""
    level: list[Any] = [table]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                below += one.values()
            elif isinstance(one, list):
                below += one
            elif isinstance(one, int) and one not in _WHOLE_NUMBERS:
                raise ValueError("a whole number of more than 64 bits")
        level = below
    if level:
        raise ValueError(f"nested too deeply (at most {MAX_DEPTH} levels)")
    return table


def _content(file: pathlib.Path) -> bytes:
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb", buffering=0) as opened:  # noqa: PTH123 # no path: opened without waiting
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(0, "Is a directory")
        content = opened.read(_MAX_BYTES + 1) if stat.S_ISREG(mode) else _from_pipe(descriptor)
    if len(content) > _MAX_BYTES:
        raise OSError(0, f"larger than {MAX_MB} MB")
    return content


def _from_pipe(descriptor: int) -> bytes:
    """Of what is no file, ``--config <(…)`` or /dev/null, all that comes until its end."""
    content = b""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(content) <= _MAX_BYTES:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise OSError(0, f"still no end of it after {PATIENCE_SECONDS:g} s")
        try:
            read = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            continue
        if not read:
            break
        content += read
    return content


def _shown(file: pathlib.Path) -> str:
    name = str(file)
    return name if len(name) <= 200 and name.isprintable() else f"{name[:200]!r}"
