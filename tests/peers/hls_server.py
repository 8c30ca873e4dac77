"""An HTTP server that a test scripts: folders, pages, and whatever a server may do wrong."""

import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """``length`` is what Content-Length claims: None chunks the body instead. ``body`` may go on for ever; TornDown tears it."""

    body: Iterable[bytes] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


class TornDown(Exception):
    """The connection is reset, as by a server that dies."""


Page = bytes | int | Answer | Callable[["Request"], "bytes | int | Answer"]
"""A body, an error status, a whole answer, or what gives one of them for each request."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class HlsServer:
    """``folders`` maps path prefixes to folders on disk, ``pages`` paths to pages; ``hanging`` paths get no answer."""

    url: str
    folders: dict[str, Path] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)
    requests: list[Request] = field(default_factory=list)
    hangs: threading.Event = field(default_factory=threading.Event)
    """Set as soon as a request hangs."""
    over: threading.Event = field(default_factory=threading.Event)

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def answer(self, request: Request) -> bytes | int | Answer:
        self.requests.append(request)
        if request.path in self.hanging:
            self.hangs.set()
            self.over.wait(30)
            return 503
        if request.path in self.pages:
            page = self.pages[request.path]
            return page(request) if callable(page) else page
        for prefix, folder in self.folders.items():
            file = folder / request.path.removeprefix(prefix)
            if request.path.startswith(prefix) and file.is_file():
                return file.read_bytes()
        return 404


def redirect(url: str) -> Answer:
    return Answer(status=302, headers={"Location": url}, length=0)


@contextmanager
def hls_server(host: str = "127.0.0.1") -> Iterator[HlsServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = peer.answer(Request(self.command, url.path, url.query, dict(self.headers), body))
            if isinstance(answer, Answer):
                self._play(answer)
            else:
                self._reply(answer)

        do_GET = do_HEAD = do_POST = _serve  # noqa: N815  # http.server's names

        def _reply(self, answer: bytes | int) -> None:
            wanted, whole = self.headers.get("Range"), b"" if isinstance(answer, int) else answer
            span = _span(whole, wanted) if wanted else slice(None)
            body, partial = whole[span], wanted and not isinstance(answer, int)
            self.send_response(answer if isinstance(answer, int) else 206 if partial else 200)
            if partial:
                self.send_header("Content-Range", f"bytes {span.start}-{span.start + len(body) - 1}/{len(whole)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _play(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            chunked = answer.length is None
            self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(answer.length))))
            self.end_headers()
            try:
                for piece in answer.body:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                    if peer.over.is_set():
                        break
                else:
                    self.wfile.write(b"0\r\n\r\n" if chunked else b"")
                    return
            except TornDown:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A client that hangs up is what many tests are about."""

    with Server((host, 0), Handler) as server:
        peer = HlsServer(f"http://{host}:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield peer
        finally:
            peer.over.set()
            server.shutdown()
            thread.join()


def _span(body: bytes, wanted: str) -> slice:
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    return slice(int(first), int(last) + 1 if last else len(body))
