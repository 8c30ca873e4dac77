"""An encoder streams straight to us: ``listen:rtmp://0.0.0.0:1935/app/key``. OBS calls it a custom server."""

import contextlib
import math
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
from stream_processor.sources.lobby import Guest, Lobby
from stream_processor.sources.relay import Relay, RelayedDemuxer
from stream_processor.sources.rtmp import ANALYSE_SECONDS, OPEN_OPTIONS, OPENING_SECONDS
from stream_processor.sources.rtmp_address import parse_rtmp

PREFIX = "listen:"
_LOOPBACK = "127.0.0.1"
_BACKLOG = 64
"""Connections that the system takes in for us; the lobby empties it at once."""
_DIAL_SECONDS = 5.0
_DIAL_PAUSE_SECONDS = 0.01

log = structlog.get_logger(__name__)


class ListenSource:
    """A part for each connection of an encoder, without end; one at a time, and only with the right app and key.

    The door is a socket of our own, open from the first ``open`` (or ``bind``) to ``close``, so no encoder is ever refused. In
    the ``Lobby`` behind it they show their key; one that has it and comes while another is served waits there. Behind that,
    FFmpeg's listen mode serves one connection on a port of loopback, through a relay.
    """

    is_live = True
    is_dialled = True
    """They come to us: no waits between one and the next."""

    def __init__(self, url: str, settings: SourceSettings) -> None:
        self._address = parse_rtmp(url.removeprefix(PREFIX), default_host=_LOOPBACK)
        self._settings = settings
        self._binding = threading.Lock()
        self._closed = False
        self._port = 0
        self._lobby: Lobby | None = None
        self._relay: Relay | None = None
        self.name = str(self._address)
        self.waits_for = f"an encoder on {self._address}"
        self.quiet_until = 0.0

    def bind(self) -> int:
        """Begin to listen, and tell the port. SourceUnusable: it is taken, or not ours to take."""
        self._begin()
        return self._port

    def open(self) -> Demuxer:
        """Wait for an encoder, for ever if need be; one with a wrong key is dropped with a log line."""
        self._hang_up()
        try:
            while True:
                self.quiet_until = math.inf
                guest = self._begin().next()
                self.quiet_until = time.monotonic() + OPENING_SECONDS
                try:
                    return self._serve(guest)
                except SourceError as error:
                    self._hang_up()
                    if self._closed:
                        raise SourceEnded(f"{self._address}: closed") from error
                    log.warning("encoder dropped", peer=guest.address, reason=str(error))
        finally:
            self.quiet_until = 0.0

    def close(self) -> None:
        with self._binding:
            self._closed = True
            lobby = self._lobby
        self._hang_up()
        if lobby is not None:
            lobby.close()

    def _begin(self) -> Lobby:
        with self._binding:
            if self._closed:
                raise SourceEnded(f"{self._address}: closed")
            if self._lobby is None:
                door = self._new_door()
                self._port = int(door.getsockname()[1])
                patience_seconds = self._settings.open_timeout_seconds
                self._lobby = Lobby(door, self._address.path, patience_seconds, name=str(self._address))
            return self._lobby

    def _new_door(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._address.host else socket.AF_INET
        try:
            door = socket.create_server((self._address.host, self._address.port), family=family, backlog=_BACKLOG)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno is not None and error.errno > 0 else error
            raise SourceUnusable(f"cannot listen on {self._address}: {reason}") from error
        door.setblocking(False)
        return door

    def _serve(self, guest: Guest) -> RelayedDemuxer:
        port, failed = _free_port(), threading.Event()
        patience_seconds = self._settings.open_timeout_seconds
        relay = Relay(guest.line, partial(_connect, port, failed), guest.said, silence_seconds=patience_seconds)
        self._relay = relay
        if self._closed:  # whoever closed may have come too early to close this relay
            failed.set()
            relay.close()
            raise SourceEnded(f"{self._address}: closed")
        try:
            container = open_container(
                f"rtmp://{_LOOPBACK}:{port}/{self._address.path}",
                name=str(self._address),
                options={"listen": "1", **OPEN_OPTIONS},
                open_timeout_seconds=patience_seconds + ANALYSE_SECONDS,
            )
            return RelayedDemuxer(AvDemuxer(container, name=str(self._address)), relay, name=str(self._address))
        except SourceError as error:
            if relay.end == "timeout":
                raise SourceError(f"no data within {patience_seconds:g} s", reason="timeout") from error
            raise
        finally:
            failed.set()

    def _hang_up(self) -> None:
        if self._relay is not None:
            self._relay.close()


def _free_port() -> int:
    with socket.create_server((_LOOPBACK, 0)) as probe:
        return int(probe.getsockname()[1])


def _connect(port: int, failed: threading.Event, closing: threading.Event) -> socket.socket:
    """Connect to FFmpeg, which is about to listen there, and cannot be stopped before somebody does: so while closing, too.

    ``failed``: it is not there any more.
    """
    deadline = time.monotonic() + _DIAL_SECONDS
    while (connection := _dial(port)) is None:
        if time.monotonic() > deadline or failed.wait(_DIAL_PAUSE_SECONDS):
            raise ConnectionError("nobody listens behind the door")
    if closing.is_set():
        connection.close()
        raise ConnectionError("closed")
    return connection


def _dial(port: int) -> socket.socket | None:
    with contextlib.suppress(OSError):
        connection = socket.create_connection((_LOOPBACK, port))
        if connection.getsockname() != connection.getpeername():
            return connection
        connection.close()  # TCP can connect to itself where nobody listens yet
    return None
