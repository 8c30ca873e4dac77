"""An HTTP server on loopback that a test scripts: folders, pages, and requests that are never answered."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Page = bytes | int | Callable[["Request"], bytes | int]
"""A body, an error status, or what gives one of them for each request."""


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

    def answer(self, request: Request) -> bytes | int:
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


@contextmanager
def hls_server() -> Iterator[HlsServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = peer.answer(Request(self.command, url.path, url.query, dict(self.headers), body))
            self._reply(answer)

        do_GET = do_HEAD = do_POST = _serve  # noqa: N815  # http.server's names

        def _reply(self, answer: bytes | int) -> None:
            body = b"" if isinstance(answer, int) else _part(answer, self.headers.get("Range"))
            partial = self.headers.get("Range") and not isinstance(answer, int)
            self.send_response(answer if isinstance(answer, int) else 206 if partial else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A client that hangs up is what many tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        peer = HlsServer(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield peer
        finally:
            peer.over.set()
            server.shutdown()
            thread.join()


def _part(body: bytes, wanted: str | None) -> bytes:
    if not wanted:
        return body
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    return body[int(first) : int(last) + 1]
