"""RTMP pulled from nginx, published by ffmpeg; and from servers that are silent, shut or not there."""

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stream_processor.contracts import Demuxer
from stream_processor.errors import SourceEnded, SourceError, SourceOffline, SourceUnusable
from stream_processor.receiving.watched import WatchedSource
from stream_processor.records import RawPacket
from stream_processor.settings import SourceSettings
from stream_processor.sources.relay import Relay
from stream_processor.sources.rtmp import RtmpSource, _accept
from tests.peers.nginx_rtmp import MODULE, NginxRtmp, nginx_rtmp
from tests.sources.media_files import assert_same_stream, contents, packets_of, publish, publish_sound_first
from tests.sources.opening import Opening

IMPATIENT = SourceSettings(open_timeout_seconds=1.0, read_timeout_seconds=1.0)
PATIENT = SourceSettings(open_timeout_seconds=6.0, read_timeout_seconds=2.0)
"""For an encoder that is only started then, on a machine with other work."""
PROMPT_SECONDS = 5.0
PATIENCE_SECONDS = 30.0
KEY = "s3cret"


@pytest.fixture
def server(need_program: Callable[..., Path], tmp_path: Path) -> Iterator[NginxRtmp]:
    with nginx_rtmp(need_program("nginx", MODULE), tmp_path) as running:
        yield running


@pytest.fixture
def ffmpeg(need_program: Callable[..., Path]) -> Path:
    return need_program("ffmpeg")


@pytest.fixture
def game(media: Callable[[str], Path]) -> Path:
    return media("gameplay_spaceshooter_24s.mp4")


def until_silence(source: RtmpSource, demuxer: Demuxer) -> list[RawPacket]:
    """All packets of a part that ends as nginx lets it: with nothing."""
    packets: list[RawPacket] = []
    with pytest.raises(SourceError, match="no data") as loss:
        packets.extend(WatchedSource(source, PATIENT).packets(demuxer))
    assert loss.value.reason == "stalled"
    return packets


def test_who_subscribes_before_publishing_begins_gets_the_stream_from_its_first_packet_and_again_when_it_is_back(
    server: NginxRtmp, ffmpeg: Path, game: Path
) -> None:
    #  us         subscribe ........ packets ... silence: lost | subscribe ... packets
    #  encoder               publish ... leaves                           publish ...
    expected = packets_of(game)
    source = RtmpSource(server.url(KEY), PATIENT, wait=True)
    for part in (1, 2):
        opening = Opening(source)
        server.await_log("play: name=", times=part)
        with publish(ffmpeg, game, server.url(KEY)):
            opening.join()
            assert opening.demuxer is not None, opening.error

            packets = until_silence(source, opening.demuxer)

        assert_same_stream(packets, expected)
        assert packets[0].dts == 0
    source.close()


def test_a_picture_that_begins_ten_seconds_after_the_sound_is_seen(server: NginxRtmp, ffmpeg: Path, game: Path) -> None:
    """nginx-rtmp leaves it out up to the next keyframe, and encoders set one every 250 pictures."""
    source = RtmpSource(server.url(KEY), PATIENT, wait=True)
    opening = Opening(source)
    server.await_log("play: name=")
    with publish_sound_first(ffmpeg, game, server.url(KEY), seconds=10.0):
        opening.join()
        assert opening.demuxer is not None, opening.error
        packets = until_silence(source, opening.demuxer)
    source.close()

    assert opening.demuxer.media.video is not None
    assert contents(packets, "video") == contents(packets_of(game), "video")


def test_a_stream_that_falls_silent_while_it_is_looked_at_is_a_stall_and_what_came_is_not_lost(
    server: NginxRtmp, ffmpeg: Path, game: Path
) -> None:
    source = RtmpSource(server.url(KEY), PATIENT)
    opening = Opening(source)
    server.await_log("play: name=")
    assert source.quiet_until > time.monotonic()  # the look may take long
    command = [ffmpeg, "-v", "error", "-nostdin", "-t", "2", "-i", game, "-vn", "-c", "copy", "-f", "flv", server.url(KEY)]
    subprocess.run([str(word) for word in command], check=True)  # sound alone, so the picture is waited for; nginx keeps us
    opening.join()
    assert opening.demuxer is not None, opening.error

    packets: list[RawPacket] = []
    with pytest.raises(SourceError, match="no more data") as loss:
        packets.extend(opening.demuxer.packets())
    source.close()

    assert loss.value.reason == "stalled"
    assert contents(packets, "audio") == contents(packets_of(game), "audio")[: len(packets)]
    assert len(packets) > 80


def test_a_stream_that_nobody_publishes_is_offline_and_later_lost(server: NginxRtmp, ffmpeg: Path, game: Path) -> None:
    with pytest.raises(SourceOffline, match="nobody is publishing") as offline:
        RtmpSource(server.url(KEY), IMPATIENT).open()
    assert KEY not in str(offline.value)

    source = RtmpSource(server.url(KEY), PATIENT)
    opening = Opening(source)
    server.await_log("play: name=", times=2)
    with publish(ffmpeg, game, server.url(KEY), seconds=2):
        opening.join()
        assert opening.demuxer is not None, opening.error
        until_silence(source, opening.demuxer)

    with pytest.raises(SourceError) as lost:
        source.open()
    assert not isinstance(lost.value, SourceOffline)
    assert KEY not in str(lost.value)
    source.close()


def test_an_app_that_the_server_does_not_know_is_offline(server: NginxRtmp) -> None:
    source = RtmpSource(server.url(KEY, app="other"), IMPATIENT)

    with pytest.raises(SourceOffline, match=r"127\.0\.0\.1.*sent us away") as offline:
        source.open()

    assert KEY not in str(offline.value)
    source.close()


def test_a_waiting_subscriber_can_be_stopped_at_once(server: NginxRtmp) -> None:
    source = RtmpSource(server.url(KEY), SourceSettings(), wait=True)
    opening = Opening(source)
    server.await_log("play: name=")

    _stops_promptly(source, opening)


def test_a_read_that_waits_for_data_can_be_stopped_at_once(server: NginxRtmp, ffmpeg: Path, game: Path) -> None:
    source = RtmpSource(server.url(KEY), SourceSettings(), wait=True)
    opening = Opening(source)
    server.await_log("play: name=")
    with publish(ffmpeg, game, server.url(KEY), seconds=2):
        opening.join()
    assert opening.demuxer is not None, opening.error
    packets: list[RawPacket] = []
    reader = threading.Thread(target=lambda: packets.extend(opening.demuxer.packets()))  # type: ignore[union-attr]
    reader.start()
    server.await_log("publish: name=")

    begin = time.monotonic()
    source.close()
    reader.join(PROMPT_SECONDS)

    assert not reader.is_alive()
    assert time.monotonic() - begin < PROMPT_SECONDS
    with pytest.raises(SourceEnded):
        source.open()


# ---- servers of other kinds -----------------------------------------------------------------------------------------


def test_a_refused_connection_is_one_line_without_the_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    with pytest.raises(SourceError, match=r"^rtmp://127\.0\.0\.1:\d+/live/\*\*\*: Connection refused$") as refusal:
        RtmpSource(f"rtmp://127.0.0.1:{port}/live/{KEY}", IMPATIENT).open()
    assert refusal.value.reason == "refused"


def test_an_unknown_host_is_one_line_that_names_it() -> None:
    with pytest.raises(SourceError, match=r"^rtmp://nowhere\.invalid:1935/live/\*\*\*: the host name [^\n]+$") as unknown:
        RtmpSource(f"rtmp://nowhere.invalid/live/{KEY}", IMPATIENT).open()
    assert unknown.value.reason in ("dns", "timeout")  # where name servers do not answer at all, the latter


def test_name_servers_that_do_not_answer_hold_up_neither_the_attempt_nor_a_stop() -> None:
    answers = threading.Event()

    def hangs(*_: Any, **__: Any) -> Any:
        answers.wait(PATIENCE_SECONDS)
        return []

    with pytest.raises(SourceError, match="no answer within 1 s") as unanswered:
        RtmpSource(f"rtmp://host/live/{KEY}", IMPATIENT, look_up=hangs).open()
    assert unanswered.value.reason == "timeout"

    source = RtmpSource(f"rtmp://host/live/{KEY}", SourceSettings(), look_up=hangs)
    _stops_promptly(source, Opening(source))
    answers.set()


def test_a_host_that_does_not_answer_is_given_up(deaf: int) -> None:
    with pytest.raises(SourceError, match=r"no answer within 1 s$"):
        RtmpSource(f"rtmp://127.0.0.1:{deaf}/live/{KEY}", IMPATIENT).open()


def test_connecting_to_a_host_that_does_not_answer_can_be_stopped_at_once(deaf: int) -> None:
    source = RtmpSource(f"rtmp://127.0.0.1:{deaf}/live/{KEY}", SourceSettings())

    _stops_promptly(source, Opening(source))


def test_a_handshake_that_hangs_can_be_stopped_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = RtmpSource(f"rtmp://127.0.0.1:{silent.getsockname()[1]}/live/{KEY}", SourceSettings())
        opening = Opening(source)
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(1) == b"\x03"  # FFmpeg has begun the handshake

            _stops_promptly(source, opening)


def test_hanging_up_while_ffmpeg_has_not_come_yet_waits_for_nobody_and_sends_away_who_comes_late() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as door:
        outer = socket.create_connection(server.getsockname())
        address = door.getsockname()
        relay = Relay(outer, partial(_accept, door))

        begin = time.monotonic()
        relay.close()

        assert time.monotonic() - begin < PROMPT_SECONDS
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)


def test_a_server_that_does_not_speak_rtmp_is_told_apart_from_one_that_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as web:
        opening = Opening(RtmpSource(f"rtmp://127.0.0.1:{web.getsockname()[1]}/live/{KEY}", IMPATIENT))
        connection, _ = web.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        opening.join()

    assert isinstance(opening.error, SourceError)
    assert KEY not in str(opening.error)


@pytest.mark.parametrize(
    "url",
    [
        "rtmp://",
        "rtmp:///live/s3cret",
        "rtmp://host",
        "rtmp://host/",
        "rtmp://host/live",
        "rtmp://host/live/",
        "rtmp://host:port/live/s3cret",
        "rtmp://host:99999/live/s3cret",
        "rtmp://user:s3cret@host/live/s3cret",
        "rtmp://ho st/live/s3cret",
        "rtmp://host/live/s3cret\n",
        "rtmp://[::1/live/s3cret",
    ],
)
def test_a_wrong_address_is_refused_in_one_line_without_the_key(url: str) -> None:
    with pytest.raises(SourceUnusable) as refusal:
        RtmpSource(url, IMPATIENT)

    assert "\n" not in str(refusal.value)
    assert KEY not in str(refusal.value)


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port whose queue is full: further connections are neither taken nor refused."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            yield port


def _stops_promptly(source: RtmpSource, opening: Opening) -> None:
    begin = time.monotonic()
    source.close()
    opening.join(PROMPT_SECONDS)

    assert time.monotonic() - begin < PROMPT_SECONDS
    assert isinstance(opening.error, SourceEnded)
