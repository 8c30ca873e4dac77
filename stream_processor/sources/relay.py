"""A connection copied through this program, so that FFmpeg on its inner side can be stopped at any moment.

FFmpeg's RTMP blocks in its own sockets, where no other thread can end it but by its time-outs. So it only ever talks to
loopback, and a ``Relay`` stands between it and the other side (``outer``): closing the relay ends FFmpeg's read at once.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from stream_processor.demux import AvDemuxer
from stream_processor.errors import LossReason, SourceError
from stream_processor.records import RawPacket

_CHUNK_BYTES = 65536
"""All that a relay holds at a time, each way. TCP's flow control does the rest."""


class Relay:
    """Copies both ways between ``outer`` and what ``dial`` connects to, in two threads, until either side ends.

    ``dial`` is called once, in a thread of the relay, and must return or raise OSError soon after the event is set.
    ``said``: what ``outer`` has said already, and FFmpeg has yet to hear. Then ``outer`` has had its answers, too, and gets no
    more: a peer that has said all and closed answers any further word with a reset, and that throws away what it sent and
    nobody has read yet. ``silence_seconds``: for so long ``outer`` may say nothing until ``opened`` is called.
    """

    def __init__(
        self,
        outer: socket.socket,
        dial: Callable[[threading.Event], socket.socket],
        said: bytes = b"",
        *,
        silence_seconds: float | None = None,
    ) -> None:
        self.end: LossReason | None = None
        """How the other side ended it, if it did: ``ended`` with a goodbye as TCP has it, ``reset``, ``timeout`` by silence."""
        outer.settimeout(silence_seconds)
        self._outer = outer
        self._inner: socket.socket | None = None
        self._dial = dial
        self._said = said
        self._is_open = False
        self._closing = threading.Event()
        self._bug: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    @property
    def is_closing(self) -> bool:
        return self._closing.is_set()

    def opened(self) -> None:
        """FFmpeg has found its streams. From now on whoever reads watches over silence."""
        self._is_open = True
        with contextlib.suppress(OSError):  # over already
            self._outer.settimeout(None)

    def close(self) -> None:
        """End both sides and join the threads. May be called more than once, and from any thread."""
        self._closing.set()
        _shut(self._outer)
        if self._inner is not None:
            _shut(self._inner)
        self._thread.join()
        if self._bug is not None:
            raise self._bug

    def _run(self) -> None:
        try:
            with self._outer, self._dial(self._closing) as inner:
                self._inner = inner
                if self._closing.is_set():
                    return
                back = threading.Thread(target=self._copy_out, args=(inner,), name="relay back", daemon=True)
                back.start()
                self._copy_in(inner)
                back.join()
        except OSError:
            pass  # FFmpeg was not there, or is gone: whoever opened it knows better why
        except Exception as error:  # raised in close()
            self._bug = error

    def _copy_in(self, inner: socket.socket) -> None:
        try:
            inner.sendall(self._said)
            while data := self._read_outer():
                inner.sendall(data)
        except OSError:
            _shut(self._outer)
        finally:
            with contextlib.suppress(OSError):
                inner.shutdown(socket.SHUT_WR)  # FFmpeg reads what is under way, then the end

    def _read_outer(self) -> bytes:
        try:
            data = self._receive()
        except OSError as error:
            self._ended("timeout" if _is_silence(error) else "reset")
            raise
        if not data:
            self._ended("ended")
        return data

    def _receive(self) -> bytes:
        while True:
            try:
                return self._outer.recv(_CHUNK_BYTES)
            except TimeoutError as error:
                if not (self._is_open and _is_silence(error)):  # else it was begun before all was open
                    raise

    def _ended(self, how: LossReason) -> None:
        if not self._closing.is_set():
            self.end = how

    def _copy_out(self, inner: socket.socket) -> None:
        """Read on when ``outer`` is gone: unread bytes would reset the connection and lose what FFmpeg has yet to read."""
        with contextlib.suppress(OSError):
            while data := inner.recv(_CHUNK_BYTES):
                if not self._said:
                    with contextlib.suppress(OSError):
                        self._outer.sendall(data)
        _shut(self._outer)


class RelayedDemuxer:
    """A demuxer whose container reads from a relay, and is open. The other side's regular goodbye is the part's regular end."""

    is_connection = True
    """With the part, the connection is over."""

    def __init__(self, demuxer: AvDemuxer, relay: Relay, *, name: str) -> None:
        self._demuxer = demuxer
        self._relay = relay
        self._name = name
        self.media = demuxer.media
        self.codecs = demuxer.codecs
        self.skipped = demuxer.skipped
        relay.opened()

    def packets(self) -> Iterator[RawPacket]:
        try:
            yield from self._demuxer.packets()
        except SourceError:
            if self._relay.end is None and not self._relay.is_closing:
                raise
        if self._relay.end == "timeout":
            raise SourceError(f"{self._name}: no more data while it was being opened", reason="stalled")
        if self._relay.end == "reset":
            raise SourceError(f"{self._name}: the other side has torn the connection down", reason="reset")

    def close(self) -> None:
        self._relay.close()
        self._demuxer.close()


def _is_silence(error: OSError) -> bool:
    """The socket's own time-out, which has no number; TCP's has."""
    return isinstance(error, TimeoutError) and error.errno is None


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # not connected any more
        connection.shutdown(socket.SHUT_RDWR)
