"""A very small HTTP server in a thread of its own: it answers also while the event loop of the program stands still.

One request a connection, GET and HEAD alone. Bounds: ``MOST_CONNECTIONS`` at a time, where a further one ends the oldest, so that
a hundred idle ones keep nobody out; ``SECONDS`` for each from its first byte to its last; ``MOST_BYTES`` of request.
"""

import asyncio
import contextlib
import http
import os
import socket
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import NamedTuple, Self

import structlog

from stream_processor.errors import ListenError
from stream_processor.operations.host_port import HostPort

MOST_CONNECTIONS = 64
MOST_BYTES = 8192
SECONDS = 5.0
_LINGER_SECONDS = 0.5
_PLAIN = "text/plain; charset=utf-8"

log = structlog.get_logger(__name__)


class Answer(NamedTuple):
    status: http.HTTPStatus
    body: bytes
    content_type: str = _PLAIN


def text(status: http.HTTPStatus, *lines: str) -> Answer:
    return Answer(status, ("\n".join(lines) + "\n").encode("utf-8", "replace"))


class WebServer:
    """``with WebServer(address, {"/path": answer}) as server``: it listens when it is made, and answers within the context.

    ``routes`` are called in the server's thread and must be quick. ListenError: the address is taken, or not this machine's.
    """

    def __init__(self, address: HostPort, routes: Mapping[str, Callable[[], Answer]], *, seconds: float = SECONDS) -> None:
        self._routes = dict(routes)
        self._seconds = seconds
        self._socket = _listen(address)
        self.address = HostPort(address.host, self._socket.getsockname()[1])
        self._connections: dict[asyncio.StreamWriter, None] = {}  # those that may go on, in the order in which they came
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._error: BaseException | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    def close(self) -> None:
        """Give the address back, where the context was never entered."""
        self._socket.close()

    # ---- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # raised again at the context's end
            self._error = error
            log.error("metrics and health are served no more", exc_info=error)
        finally:
            self._socket.close()
            self._started.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, sock=self._socket, limit=MOST_BYTES)
        self._started.set()
        try:
            await self._stop.wait()
        finally:
            server.close()
            for writer in self._connections:
                writer.transport.abort()
            if self._tasks:  # their ends come at once now
                await asyncio.wait(self._tasks)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._connections[writer] = None
        if len(self._connections) > MOST_CONNECTIONS:
            oldest = next(iter(self._connections))
            del self._connections[oldest]
            oldest.transport.abort()
        try:
            async with asyncio.timeout(self._seconds):
                writer.write(self._reply(await _head(reader)))
                await writer.drain()
                await _linger(reader, writer)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            pass  # whoever that was said too little, or went away
        finally:
            self._connections.pop(writer, None)
            writer.transport.abort()  # what could be sent has been: nothing is waited for any more

    def _reply(self, head: bytes | None) -> bytes:
        method, answer = self._answer(head)
        lines = [
            f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            "Connection: close",
            *(["Allow: GET, HEAD"] if answer.status is http.HTTPStatus.METHOD_NOT_ALLOWED else []),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + (b"" if method == "HEAD" else answer.body)

    def _answer(self, head: bytes | None) -> tuple[str, Answer]:
        if head is None:
            return "", text(http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"more than {MOST_BYTES} bytes")
        try:
            method, target, protocol = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
        except ValueError:  # too few or too many words, or bytes that are no letters
            return "", text(http.HTTPStatus.BAD_REQUEST, "this is not HTTP")
        if not protocol.startswith("HTTP/1."):
            return "", text(http.HTTPStatus.BAD_REQUEST, "this is not HTTP/1")
        route = self._routes.get(target.partition("?")[0])
        if route is None:
            return method, text(http.HTTPStatus.NOT_FOUND, "there is: " + ", ".join(self._routes))
        if method not in ("GET", "HEAD"):
            return method, text(http.HTTPStatus.METHOD_NOT_ALLOWED, "GET or HEAD alone")
        try:
            return method, route()
        except Exception:  # a bug, but not one that ends the server
            log.exception("a request could not be answered", path=target.partition("?")[0])
            return method, text(http.HTTPStatus.INTERNAL_SERVER_ERROR, "it could not be found out")


async def _head(reader: asyncio.StreamReader) -> bytes | None:
    """Request line and headers. None: more than anybody needs."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        return None


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Let the peer end the connection: one that is ended with bytes unread takes the answer with it."""
    with contextlib.suppress(TimeoutError, OSError):
        writer.write_eof()
        async with asyncio.timeout(_LINGER_SECONDS):
            while await reader.read(MOST_BYTES):
                pass


def _listen(address: HostPort) -> socket.socket:
    try:
        family, _, _, _, place = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        return socket.create_server(place[:2], family=family, backlog=MOST_CONNECTIONS)
    except OSError as error:
        is_named = error.errno is not None and not isinstance(error, socket.gaierror)  # whose numbers are others
        reason = os.strerror(error.errno or 0) if is_named else error.strerror or str(error)
        raise ListenError(f"metrics cannot be served on {address}: {reason}") from error
