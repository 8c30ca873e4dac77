"""Blocking waits that another thread can end."""

import selectors
import socket
import sys
from typing import Any

_Selector: Any = selectors.SelectSelector if sys.platform == "win32" else selectors.PollSelector
"""epoll refuses regular files, which standard input may well be."""


def new_selector() -> selectors.BaseSelector:
    return _Selector()  # type: ignore[no-any-return]


class Wake:
    """Ends every wait, those to come too, once ``set`` was called."""

    def __init__(self) -> None:
        self._here, self._there = socket.socketpair()
        self.is_set = False

    def set(self) -> None:
        self.is_set = True
        self._there.close()  # makes the other end readable for ever

    def readable(self, file: Any, timeout_seconds: float | None = None) -> bool:
        """Wait until a socket, or on POSIX a file descriptor, can be read. False: woken up, or too late."""
        return self._ready(file, selectors.EVENT_READ, timeout_seconds)

    def writable(self, file: Any, timeout_seconds: float | None = None) -> bool:
        return self._ready(file, selectors.EVENT_WRITE, timeout_seconds)

    def __del__(self) -> None:
        self._here.close()
        self._there.close()

    def _ready(self, file: Any, event: int, timeout_seconds: float | None) -> bool:
        if self.is_set:
            return False
        with new_selector() as selector:
            selector.register(file, event)
            selector.register(self._here, selectors.EVENT_READ)
            ready = selector.select(timeout_seconds)
        return bool(ready) and all(key.fileobj is not self._here for key, _ in ready)
