"""OBS itself streams to us, where it is installed. Where it is not, that fails nowhere: no CI installs it."""

import shutil
import socket
from itertools import takewhile
from pathlib import Path

import pytest

from stream_processor.records import RawPacket
from stream_processor.settings import SourceSettings
from stream_processor.sources.listen import ListenSource

KEY = "from-obs"
MISSING = [program for program in ("obs", "Xvfb") if shutil.which(program) is None]


@pytest.mark.timeout(90)
@pytest.mark.skipif(bool(MISSING), reason=f"{' and '.join(MISSING)} not installed")
def test_obs_streams_to_us_stops_and_comes_back(tmp_path: Path) -> None:
    from tests.peers.obs import obs_streaming_to

    source = ListenSource(f"listen:rtmp://127.0.0.1:0/live/{KEY}", SourceSettings(open_timeout_seconds=20))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        websocket_port = probe.getsockname()[1]
    with obs_streaming_to(
        f"rtmp://127.0.0.1:{source.bind()}/live",
        KEY,
        obs=Path(str(shutil.which("obs"))),
        xvfb=Path(str(shutil.which("Xvfb"))),
        home=tmp_path,
        websocket_port=websocket_port,
    ) as obs:
        for _ in range(2):
            obs.start_stream()
            demuxer = source.open()
            packets = demuxer.packets()
            seen = list(takewhile(lambda packet: _seconds(packet) < 2.0, packets))
            obs.stop_stream()
            rest = list(packets)
            demuxer.close()

            assert demuxer.media.video is not None
            assert (demuxer.media.video.codec, demuxer.media.video.width) == ("h264", 320)
            assert demuxer.media.audio is not None
            assert demuxer.media.audio.codec == "aac"
            assert {packet.kind for packet in seen} == {"video", "audio"}
            assert seen[0].is_key or seen[0].kind == "audio"
            assert min(_seconds(packet) for packet in seen) < 0.5
            assert all(_seconds(packet) >= 1.5 for packet in rest)
    source.close()


def _seconds(packet: RawPacket) -> float:
    assert packet.pts is not None
    return float(packet.pts * packet.time_base)
