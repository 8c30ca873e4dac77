"""What passes through a relay: all of it, also when the other side is gone before it was read. Real sockets on loopback."""

import socket
import threading

import pytest

from stream_processor.sources.relay import PUBLISHING, Relay

PATIENCE_SECONDS = 20.0
DATA = bytes(range(256)) * 8_192


@pytest.fixture
def doors() -> "tuple[socket.socket, socket.socket]":
    """With little room behind them, so that what is not read waits on the sender's side."""
    doors = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    for door in doors:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    return doors


def read_all(connection: socket.socket) -> bytes:
    connection.settimeout(PATIENCE_SECONDS)
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_an_encoder_that_hangs_up_before_all_was_read_loses_nothing_to_our_replies(
    doors: "tuple[socket.socket, socket.socket]",
) -> None:
    #  encoder   ── publish ──▶ "Start" ◀── 2 MB ──▶ closes, with nothing read of what we say
    #  FFmpeg                                        acknowledges ◀──  reads ──▶ all 2 MB
    outer_door, inner_door = doors
    with outer_door, inner_door, socket.create_connection(outer_door.getsockname()) as encoder:
        outer, _ = outer_door.accept()
        relay = Relay(outer, lambda _: socket.create_connection(inner_door.getsockname()), mute_after=PUBLISHING)
        inner, _ = inner_door.accept()
        with inner:
            inner.sendall(b"onStatus NetStream.Publish.Start")
            assert encoder.recv(100).endswith(PUBLISHING)
            sending = threading.Thread(target=encoder.sendall, args=(DATA,))
            sending.start()
            received = b""
            while sending.is_alive():
                received += inner.recv(65536)
            encoder.close()
            for _ in range(50):
                inner.sendall(b"acknowledged")
            assert received + read_all(inner) == DATA
        assert relay.ended_cleanly
        relay.close()


def test_words_that_come_in_pieces_are_found(doors: "tuple[socket.socket, socket.socket]") -> None:
    outer_door, inner_door = doors
    with outer_door, inner_door, socket.create_connection(outer_door.getsockname()) as encoder:
        outer, _ = outer_door.accept()
        relay = Relay(outer, lambda _: socket.create_connection(inner_door.getsockname()), mute_after=PUBLISHING)
        inner, _ = inner_door.accept()
        with inner:
            encoder.settimeout(PATIENCE_SECONDS)
            heard = b""
            for number, piece in enumerate((PUBLISHING[:5], PUBLISHING[5:])):
                inner.sendall(piece)
                while len(heard) < (5, len(PUBLISHING))[number]:
                    heard += encoder.recv(100)
            inner.sendall(b"nobody needs this")
            inner.shutdown(socket.SHUT_WR)
            assert heard + read_all(encoder) == PUBLISHING
        relay.close()
