"""The whole program on addresses and files that want it to fetch what it should not: one clear line, and nothing fetched."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.peers.hls_media import Segment, playlist, record
from tests.peers.hls_server import Answer, HlsServer, hls_server
from tests.program import LIGHT, run

SECRET = "TOKEN-SECRET"  # it must not be seen


@pytest.fixture
def server() -> Iterator[HlsServer]:
    with hls_server() as peer:
        yield peer


@pytest.mark.slow
def test_a_stream_that_names_what_it_may_not_is_watched_without_that(
    need_program: Callable[..., Path], server: HlsServer, tmp_path: Path
) -> None:
    server.folders["/main/"] = record(need_program("ffmpeg"), tmp_path / "main", "index.m3u8", seconds=12)
    bad = ["http://169.254.169.254/latest/meta-data/", f"http://10.1.2.3/x.ts?token={SECRET}", "gopher://127.0.0.1:70/x"]
    names = [f"/main/index{n}.ts" for n in range(3)] + bad + [f"/main/index{n}.ts" for n in range(3, 6)]
    server.pages["/live.m3u8"] = playlist([Segment(name) for name in names])
    done = run("--stream", f"{server.url}/live.m3u8", "--output", tmp_path / "out", *LIGHT)
    assert done.code == 0, done.err
    assert "watched 0:12" in done.out
    assert "169.254.169.254 is a link-local address, and the stream's own is not" in done.lines_said
    assert "10.1.2.3 is a private address" in done.lines_said
    assert "a gopher: address; only http and https are fetched" in done.lines_said
    assert SECRET not in done.lines_said


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{url}/main/index0.ts\n#EXT-X-ENDLIST\n"),
        ("x.ffconcat", "ffconcat version 1.0\nfile '{url}/main/index0.ts'\n"),
        (
            "x.sdp",
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        ),
        (
            "x.mpd",
            '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><BaseURL>{url}/</BaseURL></MPD>',
        ),
        ("x.ts", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{url}/main/index0.ts\n#EXT-X-ENDLIST\n"),
    ],
)
def test_a_file_on_disk_makes_nobody_fetch_from_the_network(server: HlsServer, tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text.format(url=server.url))
    done = run("--stream", file, "--output", tmp_path / "out", *LIGHT)
    assert done.code == 1
    assert server.paths() == []
    assert "Traceback" not in done.lines_said


@pytest.mark.parametrize("of", ["#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n", "ffconcat version 1.0\nfile "])
@pytest.mark.parametrize("page", ["/film.ts", "/live.m3u8"])
def test_nor_does_what_calls_itself_media_on_the_web(server: HlsServer, tmp_path: Path, page: str, of: str) -> None:
    """A playlist in place of a film, and in place of a segment: FFmpeg must not look into it."""
    text = f"{of}{server.url}/secret.ts\n".encode()
    headers = {"Content-Type": "application/vnd.apple.mpegurl"}
    server.pages["/film.ts"] = lambda _: Answer([text], headers=headers, length=len(text))
    server.pages["/live.m3u8"] = playlist([Segment("/film.ts")])
    done = run("--stream", f"{server.url}{page}", "--output", tmp_path / "out", *LIGHT)
    assert done.code == 1
    assert not any("secret" in path for path in server.paths())
    assert "Traceback" not in done.lines_said
