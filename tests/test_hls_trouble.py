"""The whole program on an HLS stream that makes streamlink complain: a warning is a line, not an endless one."""

from collections.abc import Callable
from pathlib import Path

from tests.peers.hls_media import Segment, playlist
from tests.peers.hls_server import hls_server
from tests.program import LIGHT, run


def test_a_segment_that_is_gone_is_said_and_the_rest_is_watched(media: Callable[[str], Path], tmp_path: Path) -> None:
    folder = media("hls/bbb")
    names = [f"segment_{number}.ts" for number in range(6)]
    names[3] = "gone.ts"
    with hls_server() as server:
        server.folders["/"] = folder
        server.pages["/live.m3u8"] = playlist([Segment(name, 3.2) for name in names], target_seconds=4)
        quick = ("--set", "streamlink.stream-segment-attempts=1", "--set", "source.read_timeout_seconds=5")
        done = run("--stream", f"{server.url}/live.m3u8", "--output", tmp_path, *LIGHT, *quick)
    assert done.code == 0, done.err
    assert "gone.ts" in done.err
    assert done.err.count("gone.ts") < 4, "it hears itself"
    assert "watched 0:1" in done.out
