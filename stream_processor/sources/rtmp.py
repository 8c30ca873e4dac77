"""RTMP pulled from a server: ``rtmp://host/app/key``."""

import contextlib
import os
import socket
import threading
import time
from functools import partial

import av.error

from stream_processor.contracts import Demuxer
from stream_processor.demux import AvDemuxer, open_container
from stream_processor.errors import SourceEnded, SourceError, SourceOffline
from stream_processor.settings import SourceSettings
from stream_processor.sources.relay import Relay, RelayedDemuxer
from stream_processor.sources.rtmp_address import RtmpAddress, parse_rtmp
from stream_processor.sources.wake import Wake

ANALYSE_MICROSECONDS = "3000000"
"""How much of a stream FFmpeg reads to learn what it carries, where only sound or only a picture comes. Nothing of it is lost."""
_ACCEPT_SECONDS = 5.0
_LOOK_UP_SECONDS = 0.05
"""How often, while FFmpeg is waited for, whether it still is to be."""


class RtmpSource:
    """One part for each subscription that got data. Servers say little, so this is how their silence is read:

    - Nothing within ``open_timeout_seconds``, or sent away: SourceOffline until the stream was once seen, then SourceError.
    - With ``wait``, the first ``open`` keeps its subscription until data comes, and so gets the stream from its first packet.
    - nginx-rtmp keeps subscribers when the publisher leaves: ``read_timeout_seconds`` without data is a SourceError.
    """

    is_live = True

    def __init__(self, url: str, settings: SourceSettings, *, wait: bool = False) -> None:
        self._address = parse_rtmp(url)
        self._settings = settings
        self._wait = wait
        self._wake = Wake()
        self._relay: Relay | None = None
        self._was_live = False
        self.waits_for = f"a stream on {self._address}"

    def open(self) -> Demuxer:
        self._hang_up()
        with socket.create_server(("127.0.0.1", 0)) as door:
            port = door.getsockname()[1]
            self._relay = Relay(self._dial(), partial(_accept, door))
            if self._wake.is_set:  # whoever set it may have come too early to close this relay
                self._relay.close()
                raise SourceEnded(f"{self._address}: closed")
            demuxer = self._subscribe(port)
        self._was_live = True
        return RelayedDemuxer(demuxer, self._relay)

    def close(self) -> None:
        self._wake.set()
        self._hang_up()

    def _subscribe(self, port: int) -> AvDemuxer:
        """Open the stream through the relay, which listens on ``port`` of loopback."""
        patient = self._wait and not self._was_live
        try:
            container = open_container(
                f"rtmp://127.0.0.1:{port}",
                name=str(self._address),
                options={
                    "rtmp_tcurl": f"rtmp://{self._address.netloc}/{self._address.app}",
                    "rtmp_app": self._address.app,
                    "rtmp_playpath": self._address.key,
                    "rtmp_live": "live",
                    "analyzeduration": ANALYSE_MICROSECONDS,
                },
                open_timeout_seconds=None if patient else self._settings.open_timeout_seconds,
                read_timeout_seconds=self._settings.read_timeout_seconds,
            )
        except SourceError as error:
            raise self._explain(error) from error
        return AvDemuxer(container, name=str(self._address))

    def _explain(self, error: SourceError) -> SourceError:
        self._hang_up()
        if self._wake.is_set:
            return SourceEnded(f"{self._address}: closed")
        if isinstance(error.__cause__, av.error.ExitError):
            reason = f"no data within {self._settings.open_timeout_seconds:g} s, so nobody is publishing"
        else:
            reason = "the server sent us away: nobody is publishing, or it does not know this app or key"
        return (SourceError if self._was_live else SourceOffline)(f"{self._address}: {reason}")

    def _dial(self) -> socket.socket:
        if self._wake.is_set:
            raise SourceEnded(f"{self._address}: closed")
        try:
            return _connect(self._address, self._wake, self._settings.open_timeout_seconds)
        except OSError as error:
            if self._wake.is_set:
                raise SourceEnded(f"{self._address}: closed") from error
            raise SourceError(f"{self._address}: {error.strerror or error}") from error

    def _hang_up(self) -> None:
        if self._relay is not None:
            self._relay.close()


def _connect(address: RtmpAddress, wake: Wake, timeout_seconds: float) -> socket.socket:
    """As ``socket.create_connection``, but ``wake`` ends it. OSError: no address of the host answered."""
    failure: OSError = OSError("the host name has no address")
    for family, kind, protocol, _, target in socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.setblocking(False)
            connection.connect_ex(target)
            if not wake.writable(connection, timeout_seconds):
                raise TimeoutError(f"no answer within {timeout_seconds:g} s")
            if code := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(code, os.strerror(code))
            connection.setblocking(True)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def _accept(door: socket.socket, closing: threading.Event) -> socket.socket:
    """FFmpeg's own connection, which is under way. Shuts the door in any case: nobody would serve who came later."""
    deadline = time.monotonic() + _ACCEPT_SECONDS
    with door:
        door.settimeout(_LOOK_UP_SECONDS)
        while not closing.is_set() and time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                connection = door.accept()[0]
                connection.setblocking(True)
                return connection
    raise ConnectionError("FFmpeg did not come")
