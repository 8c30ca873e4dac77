"""The whole program on a channel whose address expires: asked for anew on the channel's page, and nothing left out.

::

    page     token 1 │ token 2
    media    0 1 2   │ 3 4 5 end      token 1 is answered with 403 from here on
"""

import threading
from collections.abc import Callable
from pathlib import Path

from tests.peers.hls_media import Segment, playlist, record
from tests.peers.hls_server import HlsServer, Request, hls_server
from tests.program import LIGHT, run

SEGMENTS = 6


def serve(server: HlsServer, folder: Path) -> None:
    expired = threading.Event()

    def valid(request: Request) -> bool:
        return request.query == f"token=SECRET{2 if expired.is_set() else 1}"

    def page(_: Request) -> bytes:
        address = f"/media.m3u8?token=SECRET{2 if expired.is_set() else 1}"
        return f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=320x180\n{address}\n".encode()

    def media(request: Request) -> bytes | int:
        if "/main/index2.ts" in server.paths():
            expired.set()
        if not valid(request):
            return 403
        shown = SEGMENTS if expired.is_set() else 3
        segments = [Segment(f"/main/index{n}.ts?{request.query}") for n in range(shown)]
        return playlist(segments, target_seconds=0.05, ended=shown == SEGMENTS)

    server.folders["/main/"] = folder
    server.pages |= {"/channel.m3u8": page, "/media.m3u8": media}


def test_a_channel_goes_on_with_a_new_token_where_the_old_one_ended(need_program: Callable[..., Path], tmp_path: Path) -> None:
    with hls_server() as server:
        serve(server, record(need_program("ffmpeg"), tmp_path / "main", "index.m3u8", seconds=2 * SEGMENTS))
        done = run("--stream", f"{server.url}/channel.m3u8", "--output", tmp_path / "out", *LIGHT)
        fetched = [path for path in server.paths() if path.startswith("/main/")]
        pages = server.paths().count("/channel.m3u8")
    assert done.code == 0, done.err
    assert fetched == [f"/main/index{n}.ts" for n in range(SEGMENTS)]
    assert pages == 2
    assert done.lines_said.count("HTTP 403 for the playlist, its address has expired") in (1, 2)  # as a warning, and the state
    assert "watched 0:12" in done.out
    assert "SECRET" not in done.lines_said
