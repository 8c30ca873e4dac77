"""streamlink's HTTP session behind a guard: what a stream names is fetched only where it may lead, and within bounds.

The address that is checked is the one that is connected to, so that neither a redirect, nor a name that resolves anew, nor
an odd spelling of an address leads elsewhere. Whatever a plugin asks for comes through here, too.
"""

import contextlib
import socket
import threading
import weakref
from typing import Any, cast
from urllib.parse import urlsplit

import requests
import requests.utils
import urllib3.util.connection
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.exceptions import InvalidSchema, InvalidURL
from streamlink.session.http import HTTPSession
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, LocationParseError, NameResolutionError, NewConnectionError

from stream_processor.sources.streams.bodies import MOST_WHOLE_BYTES, BoundedBody
from stream_processor.sources.streams.guard import SCHEMES, Guard, addresses_of
from stream_processor.sources.streams.words import one_line

MOST_REDIRECTS = 10
_MOST_REDIRECT_BYTES = 2**20
_MOST_ADDRESSES = 4
"""Of a host that are tried: each may take the whole time-out."""


class GuardedSession(HTTPSession):
    """In place of ``Streamlink().http``. Refused: from any request. ``hang_up`` breaks off what is under way, from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self.guard = Guard()
        self.max_redirects = MOST_REDIRECTS
        self.adapters.pop("file://")
        self._lines = _Lines()
        self._pools = _pools_behind(self.guard, self._lines)

    def get_adapter(self, url: str) -> BaseAdapter:
        scheme = urlsplit(url).scheme.lower() if ":" in url else ""
        try:
            adapter = super().get_adapter(url)
        except InvalidSchema:
            raise self.guard.refuse(f"a {one_line(scheme, 20)}: address; only {' and '.join(SCHEMES)} are fetched") from None
        if not isinstance(adapter, HTTPAdapter):
            return adapter  # a plugin's own, which does not reach the network by itself
        adapter.poolmanager.pool_classes_by_scheme = self._pools
        return cast(BaseAdapter, _Watched(adapter, self.guard))

    def get_redirect_target(self, resp: Any) -> str | None:
        try:
            return super().get_redirect_target(resp)
        except InvalidURL:
            resp.close()
            scheme = one_line(resp.headers.get("location", ""), 100).partition(":")[0]
            raise self.guard.refuse(f"a redirect from {urlsplit(resp.url).scheme}: to {scheme[:20]}:") from None

    def hang_up(self) -> None:
        self._lines.hang_up()

    def close(self) -> None:
        """For good: nothing is connected to any more."""
        self._lines.close()
        super().close()


class _Watched:
    """An adapter whose answers are bounded, and which asks the guard where a proxy does the connecting."""

    def __init__(self, adapter: HTTPAdapter, guard: Guard) -> None:
        self._adapter = adapter
        self._guard = guard

    def send(self, request: Any, stream: bool = False, proxies: Any = None, **options: Any) -> Any:
        if requests.utils.select_proxy(request.url, proxies):
            self._guard.permit_named(urlsplit(request.url).hostname or "")
        response = self._adapter.send(request, stream=stream, proxies=proxies, **options)
        most_bytes = _MOST_REDIRECT_BYTES if response.is_redirect else None if stream else MOST_WHOLE_BYTES
        response.raw = BoundedBody(response.raw, most_bytes)
        return response


class _Lines:
    """The sockets that are open, so that a read that waits on one can be ended."""

    def __init__(self) -> None:
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._closed = False
        self._lock = threading.Lock()

    def add(self, line: socket.socket) -> None:
        with self._lock:
            self._sockets.add(line)
            closed = self._closed
        if closed:
            _shut(line)

    def hang_up(self) -> None:
        with self._lock:
            lines = list(self._sockets)
        for line in lines:
            _shut(line)

    def close(self) -> None:
        self._closed = True
        self.hang_up()


def _shut(line: socket.socket) -> None:
    with contextlib.suppress(OSError, ValueError):  # not connected any more
        socket.socket.shutdown(line, socket.SHUT_RDWR)  # not TLS's own, which takes the session from under the reading thread


class _Connecting:
    """What both kinds of connection do otherwise than urllib3's: resolve the name here, and connect to what may be."""

    guard: Guard
    lines: _Lines
    _dns_host: str

    def _new_conn(self) -> socket.socket:
        host = self._dns_host
        failure: Exception = NewConnectionError(cast(Any, self), "the host has no address")
        for address in self._permitted(host):
            self._dns_host = address
            try:
                line: socket.socket = super()._new_conn()  # type: ignore[misc]
            except (NewConnectionError, ConnectTimeoutError) as error:
                failure = error
                continue
            finally:
                self._dns_host = host
            self.lines.add(line)
            return line
        raise failure

    def _permitted(self, host: str) -> list[str]:
        try:
            found = addresses_of(host, urllib3.util.connection.allowed_gai_family())
        except socket.gaierror as error:
            raise NameResolutionError(host, cast(Any, self), error) from error
        except UnicodeError:
            raise LocationParseError(f"{host!r}, label empty or too long") from None
        return self.guard.permitted(host, found)[:_MOST_ADDRESSES]


class _Plain(_Connecting, HTTPConnection):
    pass


class _Secure(_Connecting, HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.lines.add(self.sock)


def _pools_behind(guard: Guard, lines: _Lines) -> dict[str, type]:
    own = {"guard": guard, "lines": lines}
    plain, secure = type("Plain", (_Plain,), own), type("Secure", (_Secure,), own)
    return {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }
