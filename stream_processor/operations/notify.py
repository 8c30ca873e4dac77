"""What systemd is told (``sd_notify``): READY=1, STATUS=…, WATCHDOG=1 and STOPPING=1, as datagrams to the socket it names.

Without NOTIFY_SOCKET nobody is told anything. Nothing here ever blocks or fails: what the socket does not take is lost.
The protocol is that of sd_notify(3) and sd_watchdog_enabled(3): an ``@`` in front is an abstract socket, WATCHDOG_USEC counts
only for the process that WATCHDOG_PID names.
"""

import contextlib
import os
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Self


class Notifier:
    """``watchdog_seconds``: how long systemd waits for a ping before it acts; None: it does not wait for any."""

    def __init__(self, environment: Mapping[str, str] = os.environ, pid: int | None = None) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._socket: socket.socket | None = None
        self.watchdog_seconds = _watchdog_seconds(environment, os.getpid() if pid is None else pid)

    @property
    def is_heard(self) -> bool:
        return self._address is not None

    def tell(self, **fields: str | int) -> bool:
        """``tell(READY=1, STATUS="…")``: one datagram. False: nobody is there, or it was not taken."""
        if self._address is None:
            return False
        text = "\n".join(f"{name}={' '.join(str(value).split())}" for name, value in fields.items())
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
            self._socket.sendto(text.encode("utf-8", "replace"), self._address)
        except OSError:
            return False
        return True

    def close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _address(text: str) -> str | None:
    """None: nobody to tell, or a kind of socket that is not spoken here (vsock)."""
    if not hasattr(socket, "AF_UNIX") or len(text) < 2:
        return None
    if text.startswith("@"):
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _watchdog_seconds(environment: Mapping[str, str], pid: int) -> float | None:
    meant = environment.get("WATCHDOG_PID", "")
    if meant and meant != str(pid):
        return None
    try:
        microseconds = int(environment.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return microseconds / 1e6 if microseconds > 0 else None
