"""A connection copied through this program, so that FFmpeg on its inner side can be stopped at any moment.

FFmpeg's RTMP blocks in its own sockets, where no other thread can end it but by its time-outs. So it only ever talks to
loopback, and a ``Relay`` stands between it and the other side (``outer``): closing the relay ends FFmpeg's read at once.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from stream_processor.demux import AvDemuxer
from stream_processor.errors import SourceError
from stream_processor.records import RawPacket

_CHUNK_BYTES = 65536
"""All that a relay holds at a time, each way. TCP's flow control does the rest."""

PUBLISHING = b"NetStream.Publish.Start"
"""With this an RTMP server lets an encoder begin. What it says later is acknowledgements, which no encoder waits for."""


class Relay:
    """Copies both ways between ``outer`` and what ``dial`` connects to, in two threads, until either side ends.

    ``dial`` is called once, in a thread of the relay, and must return or raise OSError soon after the event is set.
    ``check`` sees what comes from ``outer`` before it is passed on; a SourceError from it ends the relay: ``refusal``.
    ``mute_after``: once these bytes were said to ``outer``, nothing more is. A peer that has said all and closed answers any
    further word with a reset, and that throws away what it sent and nobody has read yet.
    """

    def __init__(
        self,
        outer: socket.socket,
        dial: Callable[[threading.Event], socket.socket],
        check: Callable[[bytes], None] | None = None,
        mute_after: bytes | None = None,
    ) -> None:
        self.refusal: SourceError | None = None
        self.ended_cleanly = False
        """The other side said goodbye, as TCP does."""
        self._outer = outer
        self._inner: socket.socket | None = None
        self._dial = dial
        self._check = check
        self._mute_after = mute_after
        self._closing = threading.Event()
        self._bug: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    @property
    def is_closing(self) -> bool:
        return self._closing.is_set()

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
            while data := self._outer.recv(_CHUNK_BYTES):
                if self._check is not None:
                    self._check(data)
                inner.sendall(data)
            self.ended_cleanly = not self._closing.is_set()
        except SourceError as error:
            self.refusal = error
            _shut(self._outer)
        except OSError:
            _shut(self._outer)
        finally:
            with contextlib.suppress(OSError):
                inner.shutdown(socket.SHUT_WR)  # FFmpeg reads what is under way, then the end

    def _copy_out(self, inner: socket.socket) -> None:
        """Read on when ``outer`` is gone: unread bytes would reset the connection and lose what FFmpeg has yet to read."""
        said, is_muted = b"", False
        with contextlib.suppress(OSError):
            while data := inner.recv(_CHUNK_BYTES):
                if is_muted:
                    continue
                with contextlib.suppress(OSError):
                    self._outer.sendall(data)
                if self._mute_after is not None:
                    said = said[-len(self._mute_after) :] + data  # the words may come in pieces
                    is_muted = self._mute_after in said
        _shut(self._outer)


class RelayedDemuxer:
    """A demuxer whose container reads from a relay. The other side's regular goodbye is the regular end of the part."""

    def __init__(self, demuxer: AvDemuxer, relay: Relay) -> None:
        self._demuxer = demuxer
        self._relay = relay
        self.media = demuxer.media
        self.codecs = demuxer.codecs
        self.skipped = demuxer.skipped

    def packets(self) -> Iterator[RawPacket]:
        try:
            yield from self._demuxer.packets()
        except SourceError:
            if not (self._relay.ended_cleanly or self._relay.is_closing):
                raise

    def close(self) -> None:
        self._relay.close()
        self._demuxer.close()


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # not connected any more
        connection.shutdown(socket.SHUT_RDWR)
