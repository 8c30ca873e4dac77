"""Files: what is read, what is refused and with which words, and playing at 1x."""

import http.server
import os
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.errors import SourceEnded, SourceError, SourceUnusable
from stream_processor.records import Media, RawPacket, VideoFormat
from stream_processor.settings import SourceSettings
from stream_processor.sources.file import FileSource, Paced, creation_time
from stream_processor.sources.streams.addresses import place_of
from tests.peers.hls_server import hls_server, redirect
from tests.sources.media_files import packets_of

SETTINGS = SourceSettings(open_timeout_seconds=2, read_timeout_seconds=2)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_file_gives_all_its_packets_once_and_has_then_ended(media: Callable[[str], Path]) -> None:
    path = media("gameplay_spaceshooter_24s.mp4")
    source = FileSource(str(path), SETTINGS)

    packets = list(source.open().packets())

    assert [sum(packet.kind == kind for packet in packets) for kind in ("video", "audio")] == [727, 1137]
    assert source.duration_seconds == pytest.approx(24.23, abs=0.05)
    with pytest.raises(SourceEnded):
        source.open()


def test_a_file_without_creation_time_began_when_it_was_last_written(media: Callable[[str], Path], tmp_path: Path) -> None:
    copy = tmp_path / "game.mp4"
    copy.write_bytes(media("planted_dev.mp4").read_bytes())
    os.utime(copy, (1_700_000_000, 1_700_000_000))
    source = FileSource(str(copy), SETTINGS)

    source.open().close()

    assert source.started_at == datetime.fromtimestamp(1_700_000_000, UTC)


def test_a_header_that_says_fifty_days_is_not_believed(media: Callable[[str], Path]) -> None:
    source = FileSource(str(media("odd/media3_bogus_duration_vobsub.mkv")), SETTINGS)

    source.open().close()

    assert source.duration_seconds is None


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"creation_time": "2024-05-03T22:51:07.000000Z"}, datetime(2024, 5, 3, 22, 51, 7, tzinfo=UTC)),
        ({"creation_time": "2024-05-03T22:51:07+02:00"}, datetime(2024, 5, 3, 20, 51, 7, tzinfo=UTC)),
        ({"creation_time": "2024-05-03 22:51:07"}, datetime(2024, 5, 3, 22, 51, 7, tzinfo=UTC)),
        ({"creation_time": "1904-01-01T00:00:00Z"}, None),
        ({"creation_time": "1970-01-01T00:00:00Z"}, None),
        ({"creation_time": "2031-01-01T00:00:00Z"}, None),
        ({"creation_time": "yesterday"}, None),
        ({}, None),
    ],
)
def test_creation_time_counts_where_it_can_be_true(metadata: dict[str, str], expected: datetime | None) -> None:
    assert creation_time(metadata, NOW) == expected


@given(st.text())
def test_any_creation_time_is_either_nothing_or_a_moment_in_utc(text: str) -> None:
    time = creation_time({"creation_time": text}, NOW)

    assert time is None or time.utcoffset() == timedelta(0)


# ---- what is refused ------------------------------------------------------------------------------------------------


def _broken(folder: Path) -> dict[str, str]:
    (folder / "folder.mp4").mkdir()
    (folder / "empty.mp4").touch()
    (folder / "garbage.mp4").write_bytes(bytes(range(256)) * 20)
    (folder / "short.mp4").write_bytes(b"abc")
    (folder / "notes.txt").write_text("not a film at all\n" * 100)
    os.mkfifo(folder / "fifo.ts")
    return {
        "missing.mp4": "No such file",
        "nul\0.mp4": "null byte",
        "folder.mp4": "a folder",
        "empty.mp4": "empty",
        "garbage.mp4": "not a media stream",
        "short.mp4": "",
        "notes.txt": "text",
        "fifo.ts": "not a regular file",
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes in folders are POSIX")
def test_what_is_not_a_media_file_is_refused_in_one_line_that_names_it(tmp_path: Path) -> None:
    for name, words in _broken(tmp_path).items():
        with pytest.raises(SourceUnusable) as refusal:
            FileSource(str(tmp_path / name), SETTINGS).open()
        line = str(refusal.value)
        assert name in line
        assert words in line
        assert "\n" not in line


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    locked = tmp_path / "locked.mp4"
    locked.write_bytes(b"x")
    locked.chmod(0)

    with pytest.raises(SourceUnusable, match="Permission denied"):
        FileSource(str(locked), SETTINGS).open()


def test_a_name_that_looks_like_a_protocol_is_only_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SourceUnusable, match="No such file"):
        FileSource("concat:a.ts|b.ts", SETTINGS).open()


def test_a_playlist_on_disk_never_reaches_for_the_network(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        playlist = tmp_path / "list.m3u8"
        playlist.write_text(
            f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:{server.getsockname()[1]}/a.ts\n#EXT-X-ENDLIST\n"
        )
        with pytest.raises(SourceUnusable):
            FileSource(str(playlist), SETTINGS).open()

        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_playlist_on_disk_plays_its_neighbours(media: Callable[[str], Path]) -> None:
    demuxer = FileSource(str(media("hls/bbb/playlist.m3u8")), SETTINGS).open()

    assert sum(packet.kind == "video" for packet in demuxer.packets()) > 500


# ---- from the web ---------------------------------------------------------------------------------------------------


@pytest.fixture
def web(media: Callable[[str], Path]) -> Iterator[str]:
    folder = media("gameplay_spaceshooter_24s.mp4").parent
    handler = partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_file_from_the_web_gives_the_packets_that_it_has_on_disk(web: str, media: Callable[[str], Path]) -> None:
    source = FileSource(f"{web}/gameplay_spaceshooter_24s.mp4?token=secret", SETTINGS)

    packets = list(source.open().packets())

    expected = packets_of(media("gameplay_spaceshooter_24s.mp4"))
    assert [packet.data for packet in packets] == [packet.data for packet in expected]


def test_a_file_that_the_web_server_does_not_have_is_refused_without_its_token(web: str) -> None:
    with pytest.raises(SourceUnusable, match="404") as refusal:
        FileSource(f"{web}/missing.mp4?token=secret", SETTINGS).open()

    assert "secret" not in str(refusal.value)


def test_a_web_server_that_is_not_there_may_come_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(SourceError, match="Connection refused") as failure:
        FileSource(f"http://127.0.0.1:{port}/a.mp4", SETTINGS).open()

    assert not isinstance(failure.value, SourceUnusable)


def test_a_file_that_has_moved_is_read_from_where_it_is(media: Callable[[str], Path]) -> None:
    with hls_server() as server:
        server.pages["/a.mp4"] = redirect(f"{server.url}/films/gameplay_spaceshooter_24s.mp4?token=secret")
        server.folders["/films/"] = media("gameplay_spaceshooter_24s.mp4").parent
        source = FileSource(f"{server.url}/a.mp4", SETTINGS)

        assert sum(packet.kind == "video" for packet in source.open().packets()) == 727

        server.pages["/a.mp4"] = redirect(f"{server.url}/nowhere.mp4?token=secret")
        with pytest.raises(SourceUnusable, match="HTTP 404 from where it redirects to") as refusal:
            FileSource(f"{server.url}/a.mp4", SETTINGS).open()
    assert "secret" not in str(refusal.value)


def test_a_redirect_to_a_more_private_place_or_without_end_is_not_followed(media: Callable[[str], Path]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("10.255.255.255", 9))  # sends nothing
        address = probe.getsockname()[0]
    if place_of(address) != "private":
        pytest.skip("this machine has no address in a private network")
    with hls_server(address) as outside, hls_server() as here:
        here.folders["/"] = media("gameplay_spaceshooter_24s.mp4").parent
        outside.pages["/a.mp4"] = redirect(f"{here.url}/gameplay_spaceshooter_24s.mp4")
        with pytest.raises(SourceUnusable, match=r"not fetched: 127\.0\.0\.1 is a loopback address"):
            FileSource(f"{outside.url}/a.mp4", SETTINGS).open()
        assert here.paths() == []

        outside.pages["/b.mp4"] = redirect(f"{outside.url}/b.mp4")
        with pytest.raises(SourceUnusable, match="redirected without end"):
            FileSource(f"{outside.url}/b.mp4", SETTINGS).open()


def test_a_redirect_that_only_ffmpeg_is_given_leads_nowhere(media: Callable[[str], Path]) -> None:
    """A server that looks who asks."""
    with hls_server() as server:
        server.folders["/"] = media("gameplay_spaceshooter_24s.mp4").parent
        elsewhere = redirect(f"{server.url}/gameplay_spaceshooter_24s.mp4")
        server.pages["/a.mp4"] = lambda request: elsewhere if "Lavf" in request.headers["User-Agent"] else b"a film"
        with pytest.raises(SourceError):
            FileSource(f"{server.url}/a.mp4", SETTINGS).open()
        assert set(server.paths()) == {"/a.mp4"}


# ---- at 1x ----------------------------------------------------------------------------------------------------------


class Script:
    """A demuxer of video packets at the given decoding times, in seconds."""

    media = Media("script", VideoFormat("h264", 64, 64), None)
    codecs = None

    def __init__(self, *seconds: float | None) -> None:
        self._seconds = seconds
        self.closed = False

    def packets(self) -> Iterator[RawPacket]:
        for time in self._seconds:
            stamp = None if time is None else round(time * 1000)
            yield RawPacket("video", b"x", stamp, stamp, 0, Fraction(1, 1000), True, arrived_at=-1.0)

    def close(self) -> None:
        self.closed = True


class Watch:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


def test_paced_packets_arrive_at_their_decoding_times() -> None:
    watch = Watch()

    arrived = [packet.arrived_at for packet in Paced(Script(5.0, 5.5, None, 7.0), watch, watch.sleep).packets()]

    assert arrived == [100.0, 100.5, 100.5, 102.0]


def test_pacing_does_not_wait_for_a_jump_but_goes_on_from_there() -> None:
    #  decoding time   0    1    5000   5001   2     3
    #  waits                1           1            1
    watch = Watch()

    list(Paced(Script(0.0, 1.0, 5000.0, 5001.0, 2.0, 3.0), watch, watch.sleep).packets())

    assert watch.slept == [1.0, 1.0, 1.0]


def test_pacing_catches_up_after_a_slow_reader() -> None:
    watch = Watch()
    packets = Paced(Script(0.0, 1.0, 2.0, 3.0), watch, watch.sleep).packets()
    next(packets)
    watch.now += 2.5

    arrived = [packet.arrived_at for packet in packets]

    assert arrived == [102.5, 102.5, 103.0]


def test_closing_ends_a_paced_wait_at_once() -> None:
    script = Script(0.0, 9.0)
    paced = Paced(script)
    packets = paced.packets()
    next(packets)
    rest: list[RawPacket] = []
    reader = threading.Thread(target=lambda: rest.extend(packets))
    reader.start()

    paced.close()
    reader.join(1.0)

    assert not reader.is_alive()
    assert rest == []
    assert script.closed
