"""What a stream names is fetched only where it may lead. Every server here is real; names are played where one must resolve.

user's address     may lead to
loopback           loopback, the internet
private network    private networks, the internet
the internet       the internet
"""

import io
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest

from stream_processor.demux import open_container
from stream_processor.errors import SourceError, SourceUnusable
from stream_processor.settings import SourceSettings, StreamlinkSettings
from stream_processor.sources.streams import StreamlinkSource
from stream_processor.sources.streams import http as guarded_http
from stream_processor.sources.streams.addresses import place_of
from stream_processor.sources.streams.guard import Guard, Refused, addresses_of
from stream_processor.sources.streams.http import MOST_REDIRECTS
from tests.peers.hls_media import FPS, Segment, playlist
from tests.peers.hls_server import HlsServer, hls_server, redirect
from tests.sources.conftest import Recordings, read

FRAMES = 2 * FPS
Opener = Callable[..., StreamlinkSource]


@pytest.fixture
def source() -> Iterator[Opener]:
    made = []

    def make(url: str, **options: object) -> StreamlinkSource:
        settings = SourceSettings(open_timeout_seconds=5, read_timeout_seconds=5)
        made.append(StreamlinkSource(url, StreamlinkSettings(**options), settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def lan() -> Iterator[HlsServer]:
    """A server on this machine's own address in a private network: not loopback, and not the internet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 9))  # sends nothing
            address = probe.getsockname()[0]
        except OSError:
            address = "127.0.0.1"
    if place_of(address) != "private":
        pytest.skip("this machine has no address in a private network")
    with hls_server(address) as peer:
        yield peer


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "localhost", "0.0.0.0"],
)
def test_a_segment_on_this_machine_is_not_fetched_for_a_stream_from_elsewhere(
    lan: HlsServer, server: HlsServer, source: Opener, recordings: Recordings, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    lan.folders["/main/"] = recordings.ts
    server.folders["/secret/"] = recordings.ts
    port = server.url.rpartition(":")[2]
    hostile = Segment(f"http://{address}:{port}/secret/index1.ts")
    lan.pages["/x.m3u8"] = playlist([Segment("/main/index0.ts"), hostile, Segment("/main/index2.ts")])
    stream = source(f"{lan.url}/x.m3u8")
    assert read(stream.open()).frames() == 2 * FRAMES  # the rest goes on
    assert server.paths() == []
    assert stream.refused == 1


def test_a_stream_from_this_machine_may_name_this_machine_but_not_the_network_around(
    server: HlsServer, lan: HlsServer, source: Opener, recordings: Recordings
) -> None:
    server.folders["/main/"] = lan.folders["/main/"] = recordings.ts
    names = [f"{server.url}/main/index0.ts", f"{lan.url}/main/index1.ts", "http://169.254.169.254/latest/meta-data/"]
    server.pages["/x.m3u8"] = playlist([Segment(name) for name in names])
    stream = source(f"{server.url}/x.m3u8")
    assert read(stream.open()).frames() == FRAMES
    assert lan.paths() == []
    assert stream.refused == 2


@pytest.mark.parametrize("what", ["a key", "an initialization", "a rendition", "a redirect"])
def test_whatever_a_playlist_names_is_checked(
    lan: HlsServer, server: HlsServer, source: Opener, recordings: Recordings, what: str
) -> None:
    lan.folders["/main/"] = recordings.fmp4 if what == "an initialization" else recordings.ts
    server.folders["/main/"] = recordings.fmp4
    server.pages["/key"] = bytes(16)
    segments = [Segment("/main/index0.ts")]
    if what == "a key":
        segments = [Segment("/main/index0.ts", tags=(f'#EXT-X-KEY:METHOD=AES-128,URI="{server.url}/key"',))]
    if what == "an initialization":
        segments = [Segment("/main/index0.m4s", map=f"{server.url}/main/init.mp4")]
    if what == "a redirect":
        lan.pages["/main/index0.ts"] = redirect(f"{server.url}/main/index0.ts")
    lan.pages["/x.m3u8"] = playlist(segments)
    if what == "a rendition":
        lan.pages["/x.m3u8"] = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=16x16\n{server.url}/y.m3u8\n".encode()
    stream = source(f"{lan.url}/x.m3u8")
    with pytest.raises(SourceError):
        read(stream.open())
    assert server.paths() == []
    assert stream.refused >= 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x.ts", "gopher://127.0.0.1/x", "data:text/plain,x"])
def test_other_protocols_are_not_spoken(
    server: HlsServer, source: Opener, recordings: Recordings, url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    server.folders["/main/"] = recordings.ts
    server.pages["/main/index1.ts"] = redirect(url)
    server.pages["/x.m3u8"] = playlist([Segment(f"/main/index{n}.ts") for n in range(3)])
    stream = source(f"{server.url}/x.m3u8")
    assert read(stream.open()).frames() == 2 * FRAMES
    assert stream.refused == 1


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x.ts", "concat:/etc/passwd|/etc/hosts", "gopher://127.0.0.1/x"])
def test_nor_where_the_playlist_itself_names_them(server: HlsServer, source: Opener, recordings: Recordings, url: str) -> None:
    server.folders["/main/"] = recordings.ts
    server.pages["/x.m3u8"] = playlist([Segment("/main/index0.ts"), Segment(url), Segment("/main/index2.ts")])
    stream = source(f"{server.url}/x.m3u8")
    assert read(stream.open()).frames() == 2 * FRAMES
    assert stream.refused == 1


def test_a_playlist_that_names_a_file_is_refused_as_a_whole(server: HlsServer, source: Opener, recordings: Recordings) -> None:
    server.folders["/main/"] = recordings.ts
    server.pages["/x.m3u8"] = playlist([Segment("/main/index0.ts"), Segment("file:///etc/passwd")])
    with pytest.raises(SourceError, match="insecure resource"):
        source(f"{server.url}/x.m3u8").open()


def test_redirects_without_end_are_given_up(server: HlsServer, source: Opener) -> None:
    server.pages["/x.m3u8"] = redirect(f"{server.url}/x.m3u8")
    with pytest.raises(SourceError, match="redirected without end"):
        source(f"{server.url}/x.m3u8").open()
    assert len(server.paths()) <= MOST_REDIRECTS + 1


def test_the_users_own_address_may_not_redirect_to_a_more_private_one(lan: HlsServer, server: HlsServer, source: Opener) -> None:
    lan.pages["/x.m3u8"] = redirect(f"{server.url}/x.m3u8?token=SECRET")
    with pytest.raises(
        SourceUnusable, match=r"not fetched: 127\.0\.0\.1 is a loopback address, and the stream's own is not"
    ) as caught:
        source(f"{lan.url}/x.m3u8").open()
    assert "SECRET" not in str(caught.value)
    assert server.paths() == []


def test_a_name_that_resolves_anew_to_somewhere_private_leads_nowhere(
    lan: HlsServer, server: HlsServer, source: Opener, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: stream.example is the server in the network while it is looked at, and this machine afterwards."""
    lan.folders["/main/"] = server.folders["/main/"] = recordings.ts
    here, there = "127.0.0.1", lan.url.removeprefix("http://").partition(":")[0]
    port = lan.url.rpartition(":")[2]
    answers = {"stream.example": there}

    def resolve(host: str, *family: int) -> list[str]:
        return [answers[host]] if host in answers else addresses_of(host, *family)

    def rebind(_: object) -> bytes:
        answers["stream.example"] = here
        names = ["/main/index0.ts", f"http://stream.example:{server.url.rpartition(':')[2]}/main/index1.ts"]
        return playlist([Segment(name) for name in names])

    monkeypatch.setattr("stream_processor.sources.streams.guard.addresses_of", resolve)
    monkeypatch.setattr(guarded_http, "addresses_of", resolve)
    lan.pages["/x.m3u8"] = rebind
    stream = source(f"http://stream.example:{port}/x.m3u8")
    assert read(stream.open()).frames() == FRAMES  # the first, over the connection that was open
    assert server.paths() == []
    assert stream.refused == 1


def test_behind_a_proxy_the_addresses_are_checked_as_far_as_they_resolve_here(
    lan: HlsServer, server: HlsServer, source: Opener, recordings: Recordings
) -> None:
    """The proxy, on this machine, is the user's own choice; what the playlist names is not."""
    lan.pages["/x.m3u8"] = b"the proxy answers"
    server.folders["/"] = recordings.ts
    address = lan.url.removeprefix("http://")
    server.pages[f"{lan.url}/x.m3u8"] = server.pages["/x.m3u8"] = playlist([Segment("http://127.0.0.1:1/index0.ts")])
    stream = source(f"http://{address}/x.m3u8", **{"http-proxy": server.url})
    with pytest.raises(SourceError):
        read(stream.open())
    assert not any("index0" in path for path in server.paths())
    assert stream.refused == 1


def test_until_the_users_host_has_resolved_only_public_addresses_are_allowed() -> None:
    guard = Guard()
    guard.trust("https://nowhere.invalid/x.m3u8")
    with pytest.raises(Refused):
        guard.permitted("x", ["192.168.0.1"])
    assert guard.permitted("x", ["192.168.0.1", "93.184.216.34"]) == ["93.184.216.34"]
    guard.trust("http://192.168.0.7/x.m3u8")
    assert guard.permitted("x", ["192.168.0.1"]) == ["192.168.0.1"]
    guard.trust("http://127.0.0.1/x.m3u8")  # what counted first counts for good
    with pytest.raises(Refused, match="x is a loopback address, and the stream's own is not"):
        guard.permitted("x", ["127.0.0.1"])


@pytest.mark.parametrize(
    "url", ["hls://http://127.0.0.1/x", "httpstream://http://127.0.0.1:80/x", "127.0.0.1/x.m3u8", "hls://127.0.0.1/x"]
)
def test_the_users_host_in_all_spellings_of_streamlink(url: str) -> None:
    guard = Guard()
    guard.trust(url)
    assert guard.permitted("x", ["127.0.0.1"])


def test_bytes_that_turn_out_to_be_a_playlist_open_no_file_beside_the_program(
    recordings: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.ts").write_bytes((recordings.ts / "index0.ts").read_bytes())
    monkeypatch.chdir(tmp_path)
    hostile = b"ffconcat version 1.0\nfile secret.ts\n"
    with av.open(io.BytesIO(hostile)) as container:
        assert container.streams.video  # FFmpeg alone would
    with pytest.raises(SourceUnusable):
        open_container(io.BytesIO(hostile), name="a segment")
