"""The port that metrics and health are served on, over real sockets, with peers that behave and such that do not."""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream_processor.errors import ListenError
from stream_processor.operations import web
from stream_processor.operations.host_port import HostPort
from stream_processor.operations.web import MOST_BYTES, MOST_CONNECTIONS, Answer, WebServer, text

ANYWHERE = HostPort("127.0.0.1", 0)
LARGE = b"x" * 30_000_000
"""More than the buffers of a connection hold."""


def fails() -> Answer:
    raise RuntimeError("a bug")


ROUTES = {
    "/healthz": lambda: text(HTTPStatus.OK, "ok"),
    "/readyz": lambda: text(HTTPStatus.SERVICE_UNAVAILABLE, "not ready", "one: waiting"),
    "/large": lambda: Answer(HTTPStatus.OK, LARGE),
    "/fails": fails,
}


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer(ANYWHERE, ROUTES) as server:
        yield server


def ask(server: WebServer, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(server.address.host, server.address.port, timeout=60)
    with contextlib.closing(connection):
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def connect(server: WebServer) -> socket.socket:
    connection = socket.create_connection(server.address, timeout=60)
    connection.settimeout(60)
    return connection


def all_that_comes(connection: socket.socket) -> bytes:
    """Until the server ends the connection, one way or the other."""
    got = b""
    with contextlib.suppress(ConnectionError):
        while more := connection.recv(65536):
            got += more
    return got


def test_it_answers_what_it_is_asked(server: WebServer) -> None:
    assert ask(server, "/healthz") == (200, b"ok\n")
    assert ask(server, "/healthz?verbose=1") == (200, b"ok\n")
    assert ask(server, "/readyz") == (503, b"not ready\none: waiting\n")
    assert ask(server, "/healthz", "HEAD") == (200, b"")
    assert ask(server, "/large") == (200, LARGE)


def test_what_is_not_there_or_not_meant_is_said(server: WebServer) -> None:
    assert ask(server, "/") == (404, b"there is: /healthz, /readyz, /large, /fails\n")
    assert ask(server, "/healthz/../etc/passwd")[0] == 404
    assert ask(server, "/healthz", "POST")[0] == 405
    assert ask(server, "/healthz", "DELETE")[0] == 405
    assert ask(server, "/fails")[0] == 500
    assert ask(server, "/healthz")[0] == 200  # and it goes on


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET /healthz\r\n\r\n", b" 400 "),
        (b"GET  /healthz HTTP/1.1\r\n\r\n", b" 400 "),
        (b"GET /healthz HTTP/2\r\n\r\n", b" 400 "),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b" 400 "),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * MOST_BYTES * 2, b" 431 "),
    ],
)
def test_what_is_no_request_is_refused(server: WebServer, said: bytes, status: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(said)
        assert status in all_that_comes(connection).split(b"\r\n")[0]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=300), max_size=3))
def test_no_bytes_end_it(server: WebServer, said: list[bytes]) -> None:
    with connect(server) as connection, contextlib.suppress(ConnectionError):
        for part in said:
            connection.sendall(part)
    assert ask(server, "/healthz")[0] == 200


def test_a_hundred_idle_connections_keep_nobody_out_and_are_ended() -> None:
    threads = threading.active_count()
    with WebServer(ANYWHERE, ROUTES, seconds=600) as server, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connect(server)) for _ in range(100)]
        assert ask(server, "/healthz") == (200, b"ok\n")
        assert threading.active_count() == threads + 1  # one for all of them
        for connection in idle[: 100 - MOST_CONNECTIONS]:
            assert all_that_comes(connection) == b""  # the oldest made room
    assert threading.active_count() == threads


def test_who_never_ends_his_request_is_sent_away_though_he_keeps_sending() -> None:
    with WebServer(ANYWHERE, ROUTES, seconds=0.3) as server, connect(server) as slow:
        slow.settimeout(0.02)
        deadline = time.monotonic() + 60
        with pytest.raises(ConnectionError):  # noqa: PT012 # a byte now and then, for ever
            while time.monotonic() < deadline:
                slow.sendall(b"G")
                with contextlib.suppress(TimeoutError):
                    if slow.recv(1) == b"":
                        raise ConnectionResetError
        assert ask(server, "/healthz")[0] == 200


def test_who_never_reads_his_answer_is_sent_away_and_holds_up_nobody() -> None:
    with WebServer(ANYWHERE, ROUTES, seconds=1.0) as server, connect(server) as slow:
        slow.sendall(b"GET /large HTTP/1.1\r\n\r\n")
        assert ask(server, "/healthz")[0] == 200
        deadline = time.monotonic() + 60
        while server._connections and time.monotonic() < deadline:
            assert ask(server, "/healthz")[0] == 200
        assert not server._connections


def test_the_end_waits_for_no_connection() -> None:
    with WebServer(ANYWHERE, ROUTES, seconds=600) as server:
        idle = connect(server)
        assert ask(server, "/healthz")[0] == 200
    with idle:
        assert all_that_comes(idle) == b""
    with socket.create_server((server.address.host, server.address.port)):
        pass  # the port is free again


def test_a_port_that_is_taken_is_said_in_a_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ListenError, match=f"^metrics cannot be served on 127.0.0.1:{port}: Address already in use$"):
            WebServer(HostPort("127.0.0.1", port), ROUTES)
    with pytest.raises(ListenError, match=r"metrics cannot be served on 192\.0\.2\.1:9464: "):
        WebServer(HostPort("192.0.2.1", 9464), ROUTES)  # not this machine's
    with pytest.raises(ListenError, match=r"metrics cannot be served on nowhere\.invalid:9464: "):
        WebServer(HostPort("nowhere.invalid", 9464), ROUTES)


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6_is_listened_on_too() -> None:
    try:
        server = WebServer(HostPort("::1", 0), ROUTES)
    except ListenError as error:
        pytest.skip(str(error))
    with server:
        assert str(server.address) == f"[::1]:{server.address.port}"
        assert ask(server, "/healthz")[0] == 200


def test_a_thread_that_dies_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("cannot serve")

    monkeypatch.setattr(web.asyncio, "start_server", broken)
    with pytest.raises(RuntimeError, match="cannot serve"), WebServer(ANYWHERE, ROUTES):
        pass
