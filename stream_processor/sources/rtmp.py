"""RTMP pulled from a server: ``rtmp://host/app/key``."""

import contextlib
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

import av.error

from stream_processor.contracts import Demuxer
from stream_processor.demux import AvDemuxer, open_container
from stream_processor.errors import LossReason, SourceEnded, SourceError, SourceOffline
from stream_processor.settings import SourceSettings
from stream_processor.sources.lookup import LookUp, Target
from stream_processor.sources.relay import Relay, RelayedDemuxer
from stream_processor.sources.rtmp_address import parse_rtmp
from stream_processor.sources.wake import Wake

ANALYSE_SECONDS = 15.0
"""How much of a stream FFmpeg reads to learn what it carries, where only sound or only a picture comes. Nothing of it is lost.

Servers (nginx-rtmp, also where it pushes) begin with the sound and leave the picture out up to its next keyframe, and encoders
set one every 250 pictures unless they are told otherwise. What has not begun by then is not seen in this connection.
"""
OPEN_OPTIONS = {"analyzeduration": f"{ANALYSE_SECONDS * 1e6:.0f}"}
OPENING_SECONDS = 2 * ANALYSE_SECONDS
"""By so much FFmpeg may take longer to open than its time-outs say, which hold for connecting and for that look each."""
_ACCEPT_SECONDS = 5.0
_LOOK_UP_SECONDS = 0.05
"""How often, while FFmpeg is waited for, whether it still is to be."""


class RtmpSource:
    """One part for each subscription that got data. Servers say little, so this is how their silence is read:

    - Silence for ``open_timeout_seconds``, or sent away: SourceOffline until the stream was once seen, then SourceError.
    - With ``wait``, the first ``open`` keeps its subscription until data comes, and so gets the stream from its first packet.
    - nginx-rtmp keeps subscribers when the publisher leaves. FFmpeg waits for ever then; whoever reads watches over it.

    The host's name is looked up and connected to within ``open_timeout_seconds``. ``look_up`` is ``socket.getaddrinfo``.
    """

    is_live = True

    def __init__(
        self,
        url: str,
        settings: SourceSettings,
        *,
        wait: bool = False,
        look_up: Callable[..., Sequence[Target]] = socket.getaddrinfo,
    ) -> None:
        self._address = parse_rtmp(url)
        self._settings = settings
        self._wait = wait
        self._wake = Wake()
        self._relay: Relay | None = None
        self._was_live = False
        self._look_up = LookUp(self._address.host, self._address.port, look_up)
        self.name = str(self._address)
        self.waits_for = f"a stream on {self._address}"
        self.quiet_until = 0.0

    def open(self) -> Demuxer:
        self._hang_up()
        with socket.create_server(("127.0.0.1", 0)) as door:
            port = door.getsockname()[1]
            silence_seconds = None if self._is_patient else self._settings.open_timeout_seconds
            self._relay = Relay(self._dial(), partial(_accept, door), silence_seconds=silence_seconds)
            if self._wake.is_set:  # whoever set it may have come too early to close this relay
                self._relay.close()
                raise SourceEnded(f"{self._address}: closed")
            self.quiet_until = math.inf if self._is_patient else time.monotonic() + OPENING_SECONDS
            try:
                demuxer = self._subscribe(port)
            finally:
                self.quiet_until = 0.0
        self._was_live = True
        return RelayedDemuxer(demuxer, self._relay, name=str(self._address))

    def close(self) -> None:
        self._wake.set()
        self._hang_up()

    def _subscribe(self, port: int) -> AvDemuxer:
        """Open the stream through the relay, which listens on ``port`` of loopback."""
        try:
            container = open_container(
                f"rtmp://127.0.0.1:{port}",
                name=str(self._address),
                options={
                    "rtmp_tcurl": f"rtmp://{self._address.netloc}/{self._address.app}",
                    "rtmp_app": self._address.app,
                    "rtmp_playpath": self._address.key,
                    "rtmp_live": "live",
                    **OPEN_OPTIONS,
                },
                open_timeout_seconds=None if self._is_patient else self._settings.open_timeout_seconds + ANALYSE_SECONDS,
            )
        except SourceError as error:
            raise self._explain(error) from error
        try:
            return AvDemuxer(container, name=str(self._address))
        except SourceError as error:
            self._hang_up()
            if self._was_live:  # it may come back as what it was
                raise SourceError(str(error), reason="damaged") from error
            raise

    def _explain(self, error: SourceError) -> SourceError:
        self._hang_up()
        if self._wake.is_set:
            return SourceEnded(f"{self._address}: closed")
        reason: LossReason = "refused"
        text = "the server sent us away: nobody is publishing, or it does not know this app or key"
        if self._relay is not None and self._relay.end == "timeout":
            reason, text = "timeout", f"no data within {self._settings.open_timeout_seconds:g} s, so nobody is publishing"
        elif isinstance(error.__cause__, av.error.ExitError):
            reason, text = "timeout", "the server talks, but it sends no stream"
        return (SourceError if self._was_live else SourceOffline)(f"{self._address}: {text}", reason=reason)

    @property
    def _is_patient(self) -> bool:
        return self._wait and not self._was_live

    def _dial(self) -> socket.socket:
        if self._wake.is_set:
            raise SourceEnded(f"{self._address}: closed")
        try:
            deadline = time.monotonic() + self._settings.open_timeout_seconds
            return _connect(self._look_up.targets(deadline, lambda: self._wake.is_set), self._wake, deadline)
        except OSError as error:
            if self._wake.is_set:
                raise SourceEnded(f"{self._address}: closed") from error
            raise SourceError(f"{self._address}: {self._words(error)}", reason=_loss(error)) from error

    def _words(self, error: OSError) -> str:
        if isinstance(error, socket.gaierror):
            return f"the host name does not resolve ({error.strerror})"
        if isinstance(error, TimeoutError) and error.errno is None:
            return f"no answer within {self._settings.open_timeout_seconds:g} s"
        return error.strerror or str(error)

    def _hang_up(self) -> None:
        if self._relay is not None:
            self._relay.close()


def _loss(error: OSError) -> LossReason:
    kinds: tuple[tuple[type[OSError], LossReason], ...] = (
        (socket.gaierror, "dns"),
        (ConnectionRefusedError, "refused"),
        (ConnectionError, "reset"),
        (TimeoutError, "timeout"),
    )
    return next((loss for kind, loss in kinds if isinstance(error, kind)), "other")


def _connect(targets: Sequence[Target], wake: Wake, deadline: float) -> socket.socket:
    """To the first that answers; all of them have until ``deadline``, in equal parts. OSError: none did."""
    failure: OSError = TimeoutError()
    for number, (family, kind, protocol, _, target) in enumerate(targets):
        left_seconds = max(0.0, deadline - time.monotonic()) / (len(targets) - number)
        connection = socket.socket(family, kind, protocol)
        try:
            connection.setblocking(False)
            connection.connect_ex(target)
            if not wake.writable(connection, left_seconds):
                raise TimeoutError
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
