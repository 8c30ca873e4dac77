"""Sound in a rendition of its own: merged here, with and without an ffmpeg program."""

import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from streamlink.stream.ffmpegmux import FFMPEGMuxer

from stream_processor.errors import SourceEnded
from stream_processor.settings import SourceSettings, StreamlinkSettings
from stream_processor.sources.streams import StreamlinkSource
from tests.peers.hls_media import FPS, Segment, playlist
from tests.peers.hls_server import HlsServer
from tests.sources.conftest import Part, Recordings, read

SECONDS = 12


@pytest.fixture(params=["with ffmpeg", "without ffmpeg"])
def _ffmpeg_or_not(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, recordings: Recordings) -> Iterator[None]:
    """streamlink muxes renditions where it finds the program, and leaves the sound out where it does not."""
    if request.param == "without ffmpeg":
        monkeypatch.setenv("PATH", "")
    FFMPEGMuxer._resolve_command.cache_clear()
    yield
    FFMPEGMuxer._resolve_command.cache_clear()


def all_parts(url: str, **options: Any) -> list[Part]:
    source = StreamlinkSource(url, StreamlinkSettings(**options), SourceSettings())
    parts = []
    try:
        while True:
            parts.append(read(source.open()))
    except SourceEnded:
        return parts
    finally:
        source.close()


def assert_rises(part: Part) -> None:
    times = [float(packet.dts * packet.time_base) for packet in part.packets if packet.dts is not None]
    assert all(earlier <= later for earlier, later in pairwise(times))


def offset_seconds(part: Part) -> float:
    return part.seconds("audio")[0] - part.seconds("video")[0]


@pytest.mark.usefixtures("_ffmpeg_or_not")
@pytest.mark.parametrize("kind", ["ts", "fmp4"])
def test_both_renditions_come_merged_and_in_step(server: HlsServer, recordings: Recordings, kind: str) -> None:
    server.folders |= {"/muxed/": getattr(recordings, kind), "/separate/": getattr(recordings, f"separate_{kind}")}
    (muxed,) = all_parts(f"{server.url}/muxed/index.m3u8")
    (part,) = all_parts(f"{server.url}/separate/master.m3u8")
    assert part.count("video") == part.frames() == SECONDS * FPS
    assert part.count("audio") == muxed.count("audio")
    assert part.demuxer.media.audio == muxed.demuxer.media.audio
    assert part.demuxer.media.video == muxed.demuxer.media.video
    assert offset_seconds(part) == pytest.approx(offset_seconds(muxed), abs=0.002)
    assert_rises(part)


def packed(ffmpeg: Path, segment: Path) -> bytes:
    """The sound of a TS segment as HLS packs it: bare ADTS, which has no clock, behind an ID3 tag with the time of its start."""
    with av.open(str(segment)) as container:
        ticks = next(packet.pts for packet in container.demux(audio=0) if packet.pts is not None)
    command = [str(ffmpeg), "-v", "error", "-i", str(segment), "-vn", "-c", "copy", "-f", "adts", "-"]
    adts = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    payload = b"com.apple.streaming.transportStreamTimestamp\0" + ticks.to_bytes(8, "big")
    frame = b"PRIV" + len(payload).to_bytes(4, "big") + b"\0\0" + payload
    return b"ID3\4\0\0\0\0\0" + bytes([len(frame)]) + frame + adts


def test_packed_audio_is_put_where_its_tag_says(
    server: HlsServer, recordings: Recordings, need_program: Callable[..., Path]
) -> None:
    server.folders["/ts/"] = recordings.ts
    numbers = range(2, 6)  # as a live stream would: not from its first segment
    for n in numbers:
        server.pages[f"/{n}.aac"] = packed(need_program("ffmpeg"), recordings.ts / f"index{n}.ts")
    server.pages |= {
        "/muxed.m3u8": playlist([Segment(f"/ts/index{n}.ts") for n in numbers]),
        "/sound.m3u8": playlist([Segment(f"/{n}.aac") for n in numbers]),
        "/master.m3u8": b'#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",DEFAULT=YES,URI="/sound.m3u8"\n'
        b'#EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=320x180,AUDIO="a"\n/muxed.m3u8\n',
    }
    (muxed,) = all_parts(f"{server.url}/muxed.m3u8")
    (part,) = all_parts(f"{server.url}/master.m3u8")
    assert part.count("video") == 8 * FPS
    assert part.count("audio") == muxed.count("audio")
    assert part.seconds("audio")[0] > 4
    assert part.seconds("audio") == pytest.approx(muxed.seconds("audio"), abs=0.03)


def test_a_discontinuity_cuts_both_renditions(server: HlsServer, recordings: Recordings) -> None:
    """```
    picture  0 1 2 │ 0 1 2
    sound    0 1 2 │ 0 1 2
    ```"""
    server.folders["/x/"] = recordings.separate_ts
    for track in (0, 1):
        segments = [Segment(f"/x/stream_{track}{n}.ts", discontinuity=place == 3) for place, n in enumerate((0, 1, 2, 0, 1, 2))]
        server.pages[f"/x/stream_{track}.m3u8"] = playlist(segments)
    parts = all_parts(f"{server.url}/x/master.m3u8")
    assert [part.frames() for part in parts] == [6 * FPS, 6 * FPS]
    assert parts[0].seconds("audio") == parts[1].seconds("audio")
    assert all(part.count("audio") > 250 for part in parts)


def test_the_language_is_streamlinks_choice(server: HlsServer, recordings: Recordings) -> None:
    server.folders["/x/"] = recordings.separate_ts
    master = (recordings.separate_ts / "master.m3u8").read_text()
    other = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="group_sound",NAME="other",LANGUAGE="de",AUTOSELECT=NO,URI="other.m3u8"\n'
    server.pages["/x/master.m3u8"] = master.replace("#EXT-X-STREAM-INF", other + "#EXT-X-STREAM-INF").encode()
    server.pages["/x/other.m3u8"] = (recordings.separate_ts / "stream_1.m3u8").read_bytes()
    all_parts(f"{server.url}/x/master.m3u8", **{"hls-audio-select": ["de"]})
    assert "/x/other.m3u8" in server.paths()
    assert "/x/stream_1.m3u8" not in server.paths()
