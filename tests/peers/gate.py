"""A line between two programs that can be made to fail in every way: real sockets, copied through this process."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

_RESET = struct.pack("ii", 1, 0)


class Gate:
    """Connections to ``port`` go on to ``target`` of loopback, which may not be there. Made by ``gate``."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.connections = 0
        self._flows = threading.Event()
        self._flows.set()
        self._closed = False
        self._lines: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        self._start(self._take_in)

    def hold(self) -> None:
        """Nothing passes any more, and nobody hangs up."""
        self._flows.clear()

    def reset(self) -> None:
        """Tear down all that are there; who comes later is let through."""
        lines, self._lines = self._lines, []
        for line in lines:
            with contextlib.suppress(OSError):
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                line.shutdown(socket.SHUT_RD)  # wakes the thread that reads
            line.close()
        self._flows.set()

    def close(self) -> Self:
        self._closed = True
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self.reset()
        for thread in self._threads:
            thread.join()
        return self

    def _take_in(self) -> None:
        while not self._closed:
            try:
                near = self._door.accept()[0]
            except OSError:
                return
            self.connections += 1
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            self._lines += [near, far]
            for source, target in ((near, far), (far, near)):
                self._start(self._copy, source, target)

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def _start(self, run: object, *arguments: socket.socket) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)  # type: ignore[arg-type]
        thread.start()
        self._threads.append(thread)


@contextmanager
def gate(target: int) -> Iterator[Gate]:
    made = Gate(target)
    try:
        yield made
    finally:
        made.close()
