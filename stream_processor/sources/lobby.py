"""Where encoders wait: one thread that takes in all who dial, hears whether they have the key, and sends away who has not.

    dial ─▶ candidates (MOST_CANDIDATES, each for so many seconds) ─ key? ─▶ the one that waits its turn ─▶ ``next``

Nobody here can hold up anybody else: who is slow, silent or false costs a socket until his time is up or his place is needed.
"""

import contextlib
import selectors
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass

import structlog

from stream_processor.errors import SourceEnded, SourceError
from stream_processor.sources.greeting import WELCOME, Greeting
from stream_processor.sources.wake import new_selector

MOST_CANDIDATES = 32
"""Who have not shown a key yet; when one more comes, one must leave: the first of whichever address has most of them here."""
_DEAF_SECONDS = 1.0
"""For so long nobody is taken in when the process has no more file descriptors."""
_CHUNK_BYTES = 16384

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Guest:
    """An encoder that may stream. ``said`` is what it has said so far."""

    line: socket.socket
    address: str
    greeting: Greeting
    deadline: float

    @property
    def said(self) -> bytes:
        return self.greeting.said


class Lobby:
    """``door`` is listening, and is closed in the end. ``path``: app, slash and key. Who shows it within ``patience_seconds`` may
    wait, without end; of two who do, the later: it is the same encoder, which has lost its line.
    """

    def __init__(self, door: socket.socket, path: str, patience_seconds: float, *, name: str) -> None:
        self._door = door
        self._path = path
        self._patience_seconds = patience_seconds
        self._name = name
        self._candidates: dict[socket.socket, Guest] = {}  # in the order in which they came
        self._waiting: Guest | None = None
        self._deaf_until: float | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._error: BaseException | None = None
        self._ear, self._poke = socket.socketpair()
        self._selector = new_selector()
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="lobby", daemon=True)
        self._thread.start()

    def next(self) -> Guest:
        """Wait for an encoder with the key, and bid it begin. SourceEnded: closed."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._waiting or self._closed or self._error)
                if self._error is not None:
                    raise self._error
                if self._closed:
                    raise SourceEnded(f"{self._name}: closed")
                assert self._waiting is not None
                guest, self._waiting = self._waiting, None
                self._unwatch(guest.line)
                if _say(guest.line, WELCOME):
                    guest.line.setblocking(True)
                    return guest
                self._send_away(guest, "it hung up")

    def close(self) -> None:
        """At once, and from any thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        with contextlib.suppress(OSError):
            self._poke.close()
        if self._thread is not threading.current_thread():
            self._thread.join()

    # ---- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._selector.register(self._door, selectors.EVENT_READ)
            while not self._closed:
                ready = self._selector.select(self._wait_seconds())
                with self._changed:
                    self._look_after([key.fileobj for key, _ in ready], time.monotonic())
        except BaseException as error:  # raised by ``next``
            with self._changed:
                self._error = error
                self._changed.notify_all()
        finally:
            with self._changed:
                for guest in [*self._candidates.values(), *([self._waiting] if self._waiting else [])]:
                    guest.line.close()
                self._selector.close()
            self._door.close()
            self._ear.close()

    def _wait_seconds(self) -> float | None:
        with self._changed:
            deadlines = [guest.deadline for guest in self._candidates.values()][:1]
            if self._deaf_until is not None:
                deadlines.append(self._deaf_until)
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _look_after(self, ready: list[object], now: float) -> None:
        if self._deaf_until is not None and now >= self._deaf_until:
            self._deaf_until = None
            self._selector.register(self._door, selectors.EVENT_READ)
        for line in ready:
            if line is self._door:
                self._take_in(now)
            elif isinstance(line, socket.socket) and line in self._candidates:
                self._hear(self._candidates[line])
            elif self._waiting is not None and line is self._waiting.line:
                self._hear_waiting(self._waiting)
        for guest in [guest for guest in self._candidates.values() if guest.deadline <= now]:
            self._send_away(guest, f"it has shown no key within {self._patience_seconds:g} s")

    def _take_in(self, now: float) -> None:
        try:
            line, peer = self._door.accept()
        except (BlockingIOError, ConnectionError):  # it hung up while it queued
            return
        except OSError as error:
            log.error("nobody can be taken in for now", reason=error.strerror or str(error))
            self._selector.unregister(self._door)
            self._deaf_until = now + _DEAF_SECONDS
            return
        line.setblocking(False)
        if len(self._candidates) >= MOST_CANDIDATES:
            self._send_away(self._most_dispensable(), "too many at once, and it has shown no key yet")
        self._candidates[line] = Guest(line, str(peer[0]), Greeting(self._path), now + self._patience_seconds)
        self._selector.register(line, selectors.EVENT_READ)

    def _most_dispensable(self) -> Guest:
        """A crowd from one address must not push out who comes from another and takes his time."""
        crowd, _ = Counter(guest.address for guest in self._candidates.values()).most_common(1)[0]
        return next(guest for guest in self._candidates.values() if guest.address == crowd)

    def _hear(self, guest: Guest) -> None:
        try:
            data = guest.line.recv(_CHUNK_BYTES)
            answer = guest.greeting.feed(data)
            if not data or (answer and not _say(guest.line, answer)):
                raise ConnectionError
        except BlockingIOError:
            return
        except OSError:
            self._send_away(guest, "it hung up")
        except SourceError as refusal:
            self._send_away(guest, str(refusal))
        else:
            if guest.greeting.is_accepted:
                self._let_wait(guest)

    def _let_wait(self, guest: Guest) -> None:
        del self._candidates[guest.line]
        if self._waiting is not None:
            self._send_away(self._waiting, "it has dialled anew")
        self._waiting = guest
        self._changed.notify_all()

    def _hear_waiting(self, guest: Guest) -> None:
        """Encoders say nothing while they wait, so this is mostly the end of it."""
        try:
            if guest.line.recv(1, socket.MSG_PEEK):
                self._unwatch(guest.line)  # what it says is for whoever serves it
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._waiting = None
        self._send_away(guest, "it hung up")

    def _send_away(self, guest: Guest, reason: str) -> None:
        self._candidates.pop(guest.line, None)
        self._unwatch(guest.line)
        guest.line.close()
        log.warning("encoder dropped", peer=guest.address, reason=reason)

    def _unwatch(self, line: socket.socket) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(line)


def _say(line: socket.socket, words: bytes) -> bool:
    """All of it or nothing: who does not read a few kilobytes is no encoder."""
    with contextlib.suppress(OSError):
        return line.send(words) == len(words)
    return False
