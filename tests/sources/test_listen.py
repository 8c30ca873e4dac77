"""An encoder streams to us: ffmpeg publishing, others that are not welcome, and stopping in every state."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from stream_processor.errors import ClipError, SourceEnded, SourceUnusable
from stream_processor.records import RawPacket
from stream_processor.settings import SourceSettings
from stream_processor.sources.listen import ListenSource
from tests.sources.media_files import assert_same_stream, packets_of, publish
from tests.sources.opening import Opening

KEY = "s3cret"
PROMPT_SECONDS = 1.0
IMPATIENT = SourceSettings(open_timeout_seconds=1.0, read_timeout_seconds=1.0)


@pytest.fixture
def source() -> Iterator[ListenSource]:
    listening = ListenSource(f"listen:rtmp://127.0.0.1:0/live/{KEY}", SourceSettings())
    yield listening
    listening.close()


@pytest.fixture
def ffmpeg(need_program: Callable[..., Path]) -> Path:
    return need_program("ffmpeg")


@pytest.fixture
def game(media: Callable[[str], Path]) -> Path:
    return media("gameplay_spaceshooter_24s.mp4")


def address(source: ListenSource, path: str = f"live/{KEY}") -> str:
    return f"rtmp://127.0.0.1:{source.bind()}/{path}"


def test_every_packet_that_an_encoder_sends_arrives_and_when_it_comes_back_they_begin_anew(
    source: ListenSource, ffmpeg: Path, game: Path
) -> None:
    expected = packets_of(game)
    for _ in range(2):
        with publish(ffmpeg, game, address(source)) as encoder:
            demuxer = source.open()
            packets = list(demuxer.packets())
            demuxer.close()

        assert encoder.returncode == 0
        assert_same_stream(packets, expected)
        assert packets[0].dts == 0


def test_an_encoder_that_dials_in_while_another_is_served_comes_next(source: ListenSource, ffmpeg: Path, game: Path) -> None:
    with publish(ffmpeg, game, address(source)):
        first = source.open()
        with publish(ffmpeg, game, address(source), seconds=2) as second:
            assert len(list(first.packets())) == 727 + 1137
            first.close()
            assert 0 < len(list(source.open().packets())) < 300

    assert second.returncode == 0


def test_a_key_with_a_query_is_compared_whole(ffmpeg: Path, game: Path) -> None:
    source = ListenSource("listen:rtmp://127.0.0.1:0/live/key?token=a/b", SourceSettings())
    with publish(ffmpeg, game, address(source, "live/key?token=a/b"), seconds=1):
        packets = list(source.open().packets())
    source.close()

    assert packets


def test_who_is_not_the_encoder_is_dropped_with_one_line_and_listening_goes_on(
    source: ListenSource, ffmpeg: Path, game: Path
) -> None:
    with capture_logs() as logs:
        opening = Opening(source)
        with publish(ffmpeg, game, address(source, "live/guess")) as guesser:
            pass
        with publish(ffmpeg, game, address(source, "other/" + KEY)) as stranger:
            pass
        with socket.create_connection(("127.0.0.1", source.bind())) as browser:
            browser.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert browser.recv(100) == b""
        with socket.create_connection(("127.0.0.1", source.bind())):
            pass  # a port scanner
        with publish(ffmpeg, game, address(source), seconds=1) as encoder:
            opening.thread.join(10)
            assert opening.demuxer is not None
            packets = list(opening.demuxer.packets())

    assert (guesser.returncode, stranger.returncode, encoder.returncode) == (1, 1, 0)
    assert packets
    reasons = [str(entry["reason"]) for entry in logs if entry["event"] == "encoder dropped"]
    assert reasons[:3] == ["wrong app or stream key", "wrong app or stream key", "it does not speak RTMP"]
    assert len(reasons) == 4
    assert KEY not in str(logs)
    assert "guess" not in str(logs)


def test_who_connects_and_says_nothing_does_not_hold_the_place_for_long(ffmpeg: Path, game: Path) -> None:
    source = ListenSource(f"listen:rtmp://127.0.0.1:0/live/{KEY}", IMPATIENT)
    with socket.create_connection(("127.0.0.1", source.bind())), publish(ffmpeg, game, address(source), seconds=1):
        packets = list(source.open().packets())
    source.close()

    assert packets


# ---- stopping -------------------------------------------------------------------------------------------------------


def stops_promptly(source: ListenSource, thread: threading.Thread) -> None:
    begin = time.monotonic()
    source.close()
    thread.join(PROMPT_SECONDS)

    assert not thread.is_alive()
    assert time.monotonic() - begin < PROMPT_SECONDS
    with pytest.raises(SourceEnded):
        source.open()


def test_waiting_for_an_encoder_can_be_stopped_at_once(source: ListenSource) -> None:
    opening = Opening(source)

    stops_promptly(source, opening.thread)

    assert isinstance(opening.error, SourceEnded)


def test_a_handshake_that_hangs_can_be_stopped_at_once(source: ListenSource) -> None:
    opening = Opening(source)
    with socket.create_connection(("127.0.0.1", source.bind())) as encoder:
        encoder.sendall(b"\x03" + bytes(1536))
        assert encoder.recv(1) == b"\x03"  # FFmpeg answers: it is served

        stops_promptly(source, opening.thread)

    assert isinstance(opening.error, SourceEnded)


def test_reading_from_an_encoder_that_pauses_can_be_stopped_at_once(source: ListenSource, ffmpeg: Path, game: Path) -> None:
    gate = Gate(source.bind(), after_bytes=1_000_000)
    with publish(ffmpeg, game, f"rtmp://127.0.0.1:{gate.port}/live/{KEY}") as encoder:
        packets = source.open().packets()
        reader = threading.Thread(target=lambda: list(packets))
        reader.start()
        gate.shut.wait(10)

        stops_promptly(source, reader)
        encoder.kill()
    gate.close()


def test_an_encoder_whose_line_went_dead_is_a_loss_after_the_read_timeout(ffmpeg: Path, game: Path) -> None:
    source = ListenSource(f"listen:rtmp://127.0.0.1:0/live/{KEY}", IMPATIENT)
    gate = Gate(source.bind(), after_bytes=1_000_000)
    with publish(ffmpeg, game, f"rtmp://127.0.0.1:{gate.port}/live/{KEY}") as encoder:
        packets: list[RawPacket] = []
        demuxer = source.open()
        with pytest.raises(ClipError, match=r"^rtmp://127\.0\.0\.1:0/live/\*\*\*: no data for too long$"):
            packets.extend(demuxer.packets())
        encoder.kill()
    gate.close()
    source.close()

    assert packets


class Gate:
    """A line that goes dead after so many bytes: nothing more passes, and nobody hangs up."""

    def __init__(self, port: int, after_bytes: int) -> None:
        self.shut = threading.Event()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        self._lines: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, args=(port, after_bytes))
        self._thread.start()

    def _run(self, port: int, after_bytes: int) -> None:
        encoder, far = self._door.accept()[0], socket.create_connection(("127.0.0.1", port))
        self._lines = [encoder, far]
        back = threading.Thread(target=_copy, args=(far, encoder))
        back.start()
        while after_bytes > 0 and (data := encoder.recv(65536)):
            far.sendall(data)
            after_bytes -= len(data)
        self.shut.set()
        back.join()

    def close(self) -> None:
        for line in (*self._lines, self._door):
            _hang_up(line)
        self._thread.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


def _hang_up(line: Any) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()


# ---- where to listen ------------------------------------------------------------------------------------------------


def test_a_port_in_use_is_refused_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"rtmp://127.0.0.1:{other.getsockname()[1]}/live"

        with pytest.raises(SourceUnusable) as refusal:
            ListenSource(f"listen:{address}/{KEY}", SourceSettings()).open()

    assert str(refusal.value) == f"cannot listen on {address}/***: Address already in use"


def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(SourceUnusable, match="cannot listen on"):
        ListenSource(f"listen:rtmp://192.0.2.1:1935/live/{KEY}", SourceSettings()).open()


@pytest.mark.parametrize("url", ["listen:", "listen:1935", "listen:http://127.0.0.1/live/key", "listen:rtmp://127.0.0.1/live"])
def test_a_wrong_address_is_refused(url: str) -> None:
    with pytest.raises(SourceUnusable, match="rtmp://"):
        ListenSource(url, SourceSettings())


def test_without_a_host_it_listens_on_loopback_alone() -> None:
    source = ListenSource(f"listen:rtmp://:0/live/{KEY}", SourceSettings())

    source.bind()

    assert source._door is not None
    assert source._door.getsockname()[0] == "127.0.0.1"
    source.close()
