"""An encoder streams straight to us: ``listen:rtmp://0.0.0.0:1935/app/key``. OBS calls it a custom server."""

import contextlib
import os
import socket
import threading
import time
from functools import partial

import structlog

from stream_processor.contracts import Demuxer
from stream_processor.demux import AvDemuxer, open_container
from stream_processor.errors import SourceEnded, SourceError, SourceUnusable
from stream_processor.settings import SourceSettings
from stream_processor.sources.publish_check import PublishCheck
from stream_processor.sources.relay import PUBLISHING, Relay, RelayedDemuxer
from stream_processor.sources.rtmp import ANALYSE_MICROSECONDS
from stream_processor.sources.rtmp_address import parse_rtmp
from stream_processor.sources.wake import Wake

PREFIX = "listen:"
_LOOPBACK = "127.0.0.1"
_LATECOMERS = 4
"""Encoders that may queue while one is served: one that lost its line dials in again before we know that it did."""
_DIAL_SECONDS = 5.0
_DIAL_PAUSE_SECONDS = 0.01

log = structlog.get_logger(__name__)


class ListenSource:
    """A part for each connection of an encoder, without end; one at a time, and only with the right app and key.

    The door is a socket of our own, open from the first ``open`` (or ``bind``) to ``close``, so no encoder is ever refused.
    Behind it, FFmpeg's listen mode serves one connection on a port of loopback, through a relay.
    """

    is_live = True

    def __init__(self, url: str, settings: SourceSettings) -> None:
        self._address = parse_rtmp(url.removeprefix(PREFIX), default_host=_LOOPBACK)
        self._settings = settings
        self._wake = Wake()
        self._binding = threading.Lock()
        self._door: socket.socket | None = None
        self._relay: Relay | None = None
        self.waits_for = f"an encoder on {self._address}"

    def bind(self) -> int:
        """Begin to listen, and tell the port. SourceUnusable: it is taken, or not ours to take."""
        with self._binding:
            if self._wake.is_set:
                raise SourceEnded(f"{self._address}: closed")
            if self._door is None:
                self._door = self._new_door()
            return int(self._door.getsockname()[1])

    def open(self) -> Demuxer:
        """Wait for an encoder, for ever if need be; one with a wrong key is dropped with a log line."""
        self._hang_up()
        while True:
            encoder, peer = self._accept()
            try:
                return self._serve(encoder)
            except SourceError as error:
                refusal = self._relay.refusal if self._relay is not None else None
                self._hang_up()
                if not self._wake.is_set:
                    log.warning("encoder dropped", peer=peer, reason=str(refusal or error))

    def close(self) -> None:
        self._wake.set()
        self._hang_up()
        with self._binding:
            if self._door is not None:
                self._door.close()

    def _new_door(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._address.host else socket.AF_INET
        try:
            door = socket.create_server((self._address.host, self._address.port), family=family, backlog=_LATECOMERS)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno is not None and error.errno > 0 else error
            raise SourceUnusable(f"cannot listen on {self._address}: {reason}") from error
        door.setblocking(False)
        return door

    def _accept(self) -> tuple[socket.socket, str]:
        self.bind()
        while self._door is not None and self._wake.readable(self._door):
            with contextlib.suppress(OSError):  # it hung up while it queued
                encoder, peer = self._door.accept()
                encoder.setblocking(True)
                return encoder, str(peer[0])
        raise SourceEnded(f"{self._address}: closed")

    def _serve(self, encoder: socket.socket) -> RelayedDemuxer:
        port = _free_port()
        self._relay = relay = Relay(
            encoder, partial(_connect, port), check=PublishCheck(self._address.path).feed, mute_after=PUBLISHING
        )
        if self._wake.is_set:  # whoever set it may have come too early to close this relay
            relay.close()
            raise SourceEnded(f"{self._address}: closed")
        container = open_container(
            f"rtmp://{_LOOPBACK}:{port}/{self._address.path}",
            name=str(self._address),
            options={"listen": "1", "analyzeduration": ANALYSE_MICROSECONDS},
            open_timeout_seconds=self._settings.open_timeout_seconds,
            read_timeout_seconds=self._settings.read_timeout_seconds,
        )
        return RelayedDemuxer(AvDemuxer(container, name=str(self._address)), relay)

    def _hang_up(self) -> None:
        if self._relay is not None:
            self._relay.close()


def _free_port() -> int:
    with socket.create_server((_LOOPBACK, 0)) as probe:
        return int(probe.getsockname()[1])


def _connect(port: int, closing: threading.Event) -> socket.socket:
    """Connect to FFmpeg, which is about to listen there."""
    deadline = time.monotonic() + _DIAL_SECONDS
    while True:
        with contextlib.suppress(OSError):
            connection = socket.create_connection((_LOOPBACK, port))
            if connection.getsockname() != connection.getpeername():
                return connection
            connection.close()  # TCP can connect to itself where nobody listens yet
        if time.monotonic() > deadline or closing.wait(_DIAL_PAUSE_SECONDS):
            raise ConnectionError("nobody listens behind the door")
