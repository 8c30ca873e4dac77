"""Addresses of a host. ``getaddrinfo`` blocks for as long as it likes and cannot be ended, so it has a thread of its own."""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import Any

_LOOK_SECONDS = 0.05
"""How often, while it is waited for, whether it still is to be."""

Target = tuple[Any, ...]
"""As ``socket.getaddrinfo`` gives it: family, kind, protocol, name, address."""


class LookUp:
    """Looks up one host, as often as it is asked; one thread at a time, however long it hangs."""

    def __init__(self, host: str, port: int, ask: Callable[..., Sequence[Target]] = socket.getaddrinfo) -> None:
        self._host = host
        self._port = port
        self._ask = ask
        self._answer: Future[Sequence[Target]] | None = None

    def targets(self, deadline: float, is_stopped: Callable[[], bool]) -> Sequence[Target]:
        """At least one. TimeoutError: no answer until ``deadline`` (monotonic seconds), or stopped. OSError: no such host."""
        if self._answer is None:
            self._answer = Future()
            threading.Thread(target=self._run, args=(self._answer,), name="look up", daemon=True).start()
        answer = self._answer
        while not answer.done():
            if is_stopped() or time.monotonic() >= deadline:
                raise TimeoutError("the name servers do not answer")  # who asks again waits for the same answer
            wait([answer], _LOOK_SECONDS)
        self._answer = None
        if not (targets := answer.result()):
            raise OSError("the host name has no address")
        return targets

    def _run(self, answer: "Future[Sequence[Target]]") -> None:
        try:
            answer.set_result(self._ask(self._host, self._port, type=socket.SOCK_STREAM))
        except BaseException as error:  # raised again by whoever waits
            answer.set_exception(error)
