"""An encoder streams to us: ffmpeg publishing, others that are not welcome, and stopping in every state."""

import contextlib
import math
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from stream_processor.errors import SourceEnded, SourceError, SourceUnusable
from stream_processor.receiving.watched import WatchedSource
from stream_processor.records import Epoch, RawPacket
from stream_processor.settings import SourceSettings
from stream_processor.sources.listen import ListenSource, _connect, _free_port
from stream_processor.sources.lobby import MOST_CANDIDATES
from stream_processor.timeline import Timeline
from tests.sources.media_files import assert_same_stream, contents, packets_of, publish, publish_sound_first
from tests.sources.opening import Opening
from tests.sources.test_publish_check import encoder as rtmp_words

KEY = "s3cret"
PROMPT_SECONDS = 5.0
PATIENCE_SECONDS = 30.0
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


def test_a_picture_that_begins_ten_seconds_after_the_sound_is_seen(source: ListenSource, ffmpeg: Path, game: Path) -> None:
    """nginx-rtmp pushes so, from an encoder that sets a keyframe every 250 pictures."""
    with publish_sound_first(ffmpeg, game, address(source), seconds=10.0):
        demuxer = source.open()
        packets = list(demuxer.packets())
        demuxer.close()

    assert demuxer.media.video is not None
    assert contents(packets, "video") == contents(packets_of(game), "video")


@pytest.mark.parametrize("begins_at_seconds", [(1 << 31) / 1000 - 10, (1 << 24) / 1000 - 10], ids=["31 bits", "24 bits"])
def test_a_counter_that_overflows_begins_no_epoch(
    source: ListenSource, ffmpeg: Path, game: Path, begins_at_seconds: float
) -> None:
    """After 24.9 days; from 4.7 hours on RTMP writes timestamps differently."""
    timeline = Timeline(live=True, max_gap_seconds=10.0, utc_at=lambda *_: datetime(2026, 1, 1, tzinfo=UTC))
    with publish(ffmpeg, game, address(source), begins_at_seconds=begins_at_seconds):
        demuxer = source.open()
        timeline.begin_part(demuxer.media)
        items = [item for raw in demuxer.packets() for item in timeline.push(raw)] + list(timeline.end_part())
        demuxer.close()

    assert [isinstance(item, Epoch) for item in items].count(True) == 1
    assert len(items) >= len(packets_of(game))  # sound before the first keyframe is left out
    assert all(isinstance(item, Epoch) or item.seconds < 25.0 for item in items)


def test_an_encoder_that_shows_its_key_and_then_falls_silent_makes_room_again(ffmpeg: Path, game: Path) -> None:
    source = ListenSource(f"listen:rtmp://127.0.0.1:0/live/{KEY}", IMPATIENT)
    with capture_logs() as logs, socket.create_connection(("127.0.0.1", source.bind())) as silent:
        silent.sendall(rtmp_words("live", KEY))
        opening = Opening(source)
        assert silent.recv(1)  # it is greeted, and says no more
        while source.quiet_until == math.inf:  # nobody has the key yet
            time.sleep(0.001)
        assert source.quiet_until > time.monotonic()  # FFmpeg may look at it for long
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not logs and time.monotonic() < deadline:
            time.sleep(0.02)
        with publish(ffmpeg, game, address(source), seconds=1):
            opening.join(PATIENCE_SECONDS)
    assert opening.demuxer is not None, opening.error
    assert [line["reason"] for line in logs if line["event"] == "encoder dropped"] == ["no data within 1 s"]
    source.close()


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


def test_who_says_nothing_is_sent_away_when_the_time_is_up_also_while_nobody_else_comes() -> None:
    source = ListenSource(f"listen:rtmp://127.0.0.1:0/live/{KEY}", IMPATIENT)
    with capture_logs() as logs, socket.create_connection(("127.0.0.1", source.bind())) as silent:
        silent.settimeout(PATIENCE_SECONDS)
        assert silent.recv(1) == b""
        source.close()
    assert [line["reason"] for line in logs] == ["it has shown no key within 1 s"]


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


def test_a_stop_before_ffmpeg_listens_still_lets_it_go_at_once() -> None:
    """FFmpeg cannot be stopped before somebody dials; it would wait for ``open_timeout_seconds``."""
    closing, failed = threading.Event(), threading.Event()
    closing.set()
    port, ends = _free_port(), queue.SimpleQueue[OSError]()

    def dial() -> None:
        try:
            _connect(port, failed, closing)
        except OSError as error:
            ends.put(error)

    dialling = threading.Thread(target=dial)
    dialling.start()
    with socket.create_server(("127.0.0.1", port)) as ffmpeg:
        ffmpeg.settimeout(PATIENCE_SECONDS)
        with ffmpeg.accept()[0] as line:
            line.settimeout(PATIENCE_SECONDS)
            assert line.recv(1) == b""
    assert str(ends.get(timeout=PATIENCE_SECONDS)) == "closed"
    dialling.join()


def test_a_stop_while_ffmpeg_does_not_come_at_all_waits_for_nobody() -> None:
    closing, failed = threading.Event(), threading.Event()
    closing.set()
    failed.set()
    with pytest.raises(ConnectionError, match="nobody listens"):
        _connect(_free_port(), failed, closing)


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
        with pytest.raises(SourceError, match=r"^rtmp://127\.0\.0\.1:0/live/\*\*\*: no data for 2 s$") as loss:
            packets.extend(WatchedSource(source, IMPATIENT).packets(demuxer))
        assert loss.value.reason == "stalled"
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


# ---- crowds at the door ---------------------------------------------------------------------------------------------


def test_a_wrong_key_is_refused_at_once_while_another_encoder_streams(source: ListenSource, ffmpeg: Path, game: Path) -> None:
    #  encoder   publishes ─────── held up ──────────────── goes on ▶ all of it arrives
    #  guesser                      wrong key ✗ at once
    gate = Gate(source.bind(), after_bytes=1_000_000)
    with publish(ffmpeg, game, f"rtmp://127.0.0.1:{gate.port}/live/{KEY}") as encoder:
        demuxer = source.open()
        assert gate.shut.wait(PATIENCE_SECONDS)
        with publish(ffmpeg, game, address(source, "live/guess")) as guesser:
            assert guesser.wait(PATIENCE_SECONDS) == 1
        assert next(iter(demuxer.packets())).kind == "video"
        encoder.kill()
    gate.close()
    demuxer.close()


def test_silent_connections_and_a_flood_of_wrong_keys_keep_no_encoder_out(source: ListenSource, ffmpeg: Path, game: Path) -> None:
    #  40 silent     ────────────────────────────────── (each may be so for open_timeout_seconds)
    #  200 guessers   ✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗
    #  encoder                            publishes ▶
    guess = rtmp_words("live", "guess")
    with contextlib.ExitStack() as crowd, capture_logs() as logs:
        opening = Opening(source)
        port = source.bind()
        for _ in range(40):
            silent = crowd.enter_context(socket.create_connection(("127.0.0.1", port)))
            silent.sendall(guess[:1000])
        for _ in range(200):
            with socket.create_connection(("127.0.0.1", port)) as guesser, contextlib.suppress(ConnectionError):
                guesser.settimeout(PATIENCE_SECONDS)
                guesser.sendall(guess)
                while guesser.recv(65536):
                    pass
        assert source._lobby is not None
        assert len(source._lobby._candidates) <= MOST_CANDIDATES
        with publish(ffmpeg, game, address(source), seconds=1):
            opening.join(PATIENCE_SECONDS)
            assert opening.demuxer is not None
            assert list(opening.demuxer.packets())
    reasons = [entry["reason"] for entry in logs if entry["event"] == "encoder dropped"]
    assert reasons.count("wrong app or stream key") == 200
    assert "guess" not in str(logs)


def test_a_crowd_from_one_address_does_not_push_out_an_encoder_from_another_that_takes_its_time(source: ListenSource) -> None:
    words = rtmp_words("live", KEY)
    with contextlib.ExitStack() as crowd:
        opening = Opening(source)
        try:
            encoder = crowd.enter_context(socket.create_connection(("127.0.0.1", source.bind()), source_address=("127.0.0.2", 0)))
        except OSError:
            source.close()
            pytest.skip("this machine has one loopback address")
        encoder.sendall(words[:1000])
        silent = [socket.create_connection(("127.0.0.1", source.bind())) for _ in range(2 * MOST_CANDIDATES)]
        for line in silent:
            crowd.enter_context(line)
        silent[0].settimeout(PATIENCE_SECONDS)
        assert silent[0].recv(1) == b""  # sent away
        encoder.settimeout(PATIENCE_SECONDS)
        encoder.sendall(words[1000:])
        heard = b""
        while b"NetStream.Publish.Start" not in heard:
            more = encoder.recv(65536)
            assert more, "sent away"
            heard += more
        source.close()
        opening.join(PATIENCE_SECONDS)


def test_an_encoder_that_dials_anew_while_it_waits_is_not_kept_waiting_by_its_own_dead_line(
    source: ListenSource, ffmpeg: Path, game: Path
) -> None:
    with publish(ffmpeg, game, address(source)):
        first = source.open()
        with publish(ffmpeg, game, address(source), seconds=2) as older:
            assert source._lobby is not None
            wait_until(lambda: source._lobby is not None and source._lobby._waiting is not None)
            with publish(ffmpeg, game, address(source), seconds=1) as newer:
                assert older.wait(PATIENCE_SECONDS) == 1
                assert len(list(first.packets())) == 727 + 1137
                first.close()
                assert list(source.open().packets())
    assert newer.returncode == 0


def test_an_encoder_that_gives_up_waiting_leaves_its_place(source: ListenSource) -> None:
    opening = Opening(source)
    with socket.create_connection(("127.0.0.1", source.bind())) as served:
        served.sendall(rtmp_words("live", KEY))
        await_words(served, b"NetStream.Publish.Start")
        with socket.create_connection(("127.0.0.1", source.bind())) as waiting:
            waiting.sendall(rtmp_words("live", KEY))
            wait_until(lambda: source._lobby is not None and source._lobby._waiting is not None)
        wait_until(lambda: source._lobby is not None and source._lobby._waiting is None)
        stops_promptly(source, opening.thread)


def await_words(line: socket.socket, words: bytes) -> None:
    line.settimeout(PATIENCE_SECONDS)
    heard = b""
    while words not in heard:
        data = line.recv(65536)
        assert data, "hung up"
        heard += data


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


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

    assert source._lobby is not None
    assert source._lobby._door.getsockname()[0] == "127.0.0.1"
    source.close()
