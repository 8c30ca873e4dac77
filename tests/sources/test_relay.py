"""What passes through a relay: all of it, also when the other side is gone before it was read. Real sockets on loopback."""

import socket
import struct
import threading

import pytest

from stream_processor.sources.relay import Relay

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
    #  encoder   ── publish ──▶ was welcomed, 2 MB ──▶ closes, with nothing read of what we might say
    #  FFmpeg                                        acknowledges ◀──  reads ──▶ all 2 MB
    outer_door, inner_door = doors
    with outer_door, inner_door, socket.create_connection(outer_door.getsockname()) as encoder:
        outer, _ = outer_door.accept()
        relay = Relay(outer, lambda _: socket.create_connection(inner_door.getsockname()), b"publish")
        inner, _ = inner_door.accept()
        with inner:
            sending = threading.Thread(target=encoder.sendall, args=(DATA,))
            sending.start()
            received = b""
            while sending.is_alive() and len(received) < len(DATA):  # with all of it here nothing more would come
                received += inner.recv(65536)
            encoder.close()
            for _ in range(50):
                inner.sendall(b"acknowledged")
            assert received + read_all(inner) == b"publish" + DATA
        assert relay.end == "ended"
        relay.close()


def test_silence_is_borne_for_long_only_when_all_is_open(doors: "tuple[socket.socket, socket.socket]") -> None:
    outer_door, inner_door = doors
    for is_open in (False, True):
        with socket.create_connection(outer_door.getsockname()) as peer:
            relay = Relay(
                outer_door.accept()[0], lambda _: socket.create_connection(inner_door.getsockname()), silence_seconds=0.05
            )
            with inner_door.accept()[0] as inner:
                if is_open:
                    relay.opened()
                    inner.settimeout(0.5)
                    with pytest.raises(TimeoutError):
                        inner.recv(1)  # neither data nor an end, ten times as long
                    peer.sendall(b"at last")
                    peer.shutdown(socket.SHUT_WR)
                assert read_all(inner) == (b"at last" if is_open else b"")
            assert relay.end == ("ended" if is_open else "timeout")
            relay.close()
    for door in doors:
        door.close()


def test_a_peer_that_tears_the_connection_down_is_told_from_one_that_says_goodbye(
    doors: "tuple[socket.socket, socket.socket]",
) -> None:
    outer_door, inner_door = doors
    with outer_door, inner_door, socket.create_connection(outer_door.getsockname()) as peer:
        outer, _ = outer_door.accept()
        relay = Relay(outer, lambda _: socket.create_connection(inner_door.getsockname()))
        inner, _ = inner_door.accept()
        with inner:
            inner.sendall(b"play")
            assert peer.recv(100) == b"play"
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close with a reset
            peer.close()
            assert read_all(inner) == b""
        assert relay.end == "reset"
        relay.close()
