"""What systemd hears, over a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_processor.operations.notify import Notifier

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(30)
        yield listener


def test_a_datagram_is_a_line_for_each_field(systemd: socket.socket) -> None:
    with Notifier({"NOTIFY_SOCKET": systemd.getsockname()}) as notifier:
        assert notifier.tell(READY=1, STATUS="one: live\nMAINPID=1")
    assert systemd.recv(4096) == b"READY=1\nSTATUS=one: live MAINPID=1"  # a line of our own is all that a text can be


@pytest.mark.skipif(not os.path.exists("/proc/net/unix"), reason="abstract sockets are Linux's")  # noqa: PTH110
def test_an_abstract_socket_is_spoken_to_as_well() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        name = f"clip-highlights-test-{os.getpid()}"
        listener.bind(f"\0{name}")
        listener.settimeout(30)
        with Notifier({"NOTIFY_SOCKET": f"@{name}"}) as notifier:
            assert notifier.tell(WATCHDOG=1)
        assert listener.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "/", "@", "vsock:2:1", "relative"])
def test_where_nobody_can_listen_nobody_is_told(address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    assert not notifier.is_heard
    assert not notifier.tell(READY=1)


def test_a_socket_that_is_gone_or_full_is_no_trouble(tmp_path: Path, systemd: socket.socket) -> None:
    with Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}) as notifier:
        assert not notifier.tell(READY=1)
    with Notifier({"NOTIFY_SOCKET": systemd.getsockname()}) as notifier:
        taken = [notifier.tell(STATUS="x" * 1000) for _ in range(2000)]  # nobody reads: it must not block
        assert taken[0]
        assert not taken[-1]


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),  # meant for another process
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_s_time_is_read(environment: dict[str, str], seconds: float | None) -> None:
    assert Notifier(environment, pid=7).watchdog_seconds == seconds
