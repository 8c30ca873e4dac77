"""What streamlink resolves to something else than HLS: plain HTTP and DASH."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stream_processor.errors import SourceEnded, SourceOffline
from stream_processor.settings import SourceSettings, StreamlinkSettings
from stream_processor.sources.streams import StreamlinkSource
from tests.peers.hls_media import FPS
from tests.peers.hls_server import HlsServer
from tests.sources.conftest import Recordings, read


def test_a_plain_file_over_http(server: HlsServer, recordings: Recordings) -> None:
    server.pages["/x"] = b"".join((recordings.ts / f"index{n}.ts").read_bytes() for n in range(6))
    source = StreamlinkSource(f"httpstream://{server.url}/x", StreamlinkSettings(), SourceSettings())
    part = read(source.open())
    assert part.frames() == 12 * FPS
    assert not source.is_live
    with pytest.raises(SourceEnded):
        source.open()
    source.close()


def test_a_plain_file_over_http_is_offline_for_who_waits_for_a_live_stream(server: HlsServer, recordings: Recordings) -> None:
    server.pages["/x"] = (recordings.ts / "index0.ts").read_bytes()
    source = StreamlinkSource(f"httpstream://{server.url}/x", StreamlinkSettings(), SourceSettings(), only_live=True)
    with pytest.raises(SourceOffline, match="a recording, no live stream there now"):
        source.open()
    source.close()


def test_dash_has_its_sound_without_an_ffmpeg_program(
    server: HlsServer,
    recordings: Recordings,
    need_program: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = [str(need_program("ffmpeg")), "-v", "error", "-i", str(recordings.fmp4 / "index.m3u8"), "-c", "copy"]
    subprocess.run([*command, "-f", "dash", "-seg_duration", "2", str(tmp_path / "x.mpd")], check=True, timeout=60)
    server.folders["/"] = tmp_path
    monkeypatch.setenv("PATH", "")
    source = StreamlinkSource(f"{server.url}/x.mpd", StreamlinkSettings(), SourceSettings())
    part = read(source.open())
    assert part.frames() == 12 * FPS
    assert part.count("audio") > 500
    assert part.seconds("audio")[0] - part.seconds("video")[0] == pytest.approx(0, abs=0.1)
    assert not source.is_live
    source.close()
