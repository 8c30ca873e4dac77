"""The whole program on a stream with an ad break: nothing of the ad comes through, and nothing reaches across it.

::

    stream    main 0-5 (12 s)     │ ad 0-1 (4 s, another size) │ main 6-11 (12 s)
    lively      ══           ═════│   ══                       │   ══           ═════
    seen      0 ················ 12                            12 ················ 24
"""

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from tests.peers.hls_media import Segment, playlist, record
from tests.peers.hls_server import HlsServer, hls_server
from tests.program import Done, alerts, run, script, sidecars

EPOCH_SECONDS = 12.0


def served(server: HlsServer, ffmpeg: Path, folder: Path) -> str:
    server.folders["/main/"] = record(ffmpeg, folder / "main", "index.m3u8", seconds=24)
    server.folders["/ad/"] = record(ffmpeg, folder / "ad", "index.m3u8", seconds=4, size="160x90")
    segments = [Segment(f"/main/index{n}.ts") for n in range(6)]
    segments += [Segment(f"/ad/index{n}.ts", discontinuity=n == 0) for n in range(2)]
    segments += [Segment(f"/main/index{n}.ts", discontinuity=n == 6) for n in range(6, 12)]
    server.pages["/live.m3u8"] = playlist(segments)
    return f"{server.url}/live.m3u8"


def watch(url: str, folder: Path, *more: str) -> tuple[Done, Path]:
    lively = [(1.0, 3.0), (10.0, 12.0)]  # in every epoch, so in the ad, too, were it one
    clip, peaks = {"pre_roll_seconds": 6.0, "post_roll_seconds": 6.0}, {"percentile": 60.0, "min_distance_seconds": 1.0}
    config = script(folder, lively=lively, clip=clip, peaks=peaks)
    done = run("--stream", url, "--config", config, "--output", folder / "out", "--device", "cpu", "--ui", "plain", *more)
    (channel,) = [path for path in (folder / "out").iterdir() if path.is_dir()]
    return done, channel


def height(path: Path) -> set[int]:
    with av.open(str(path)) as container:
        return {frame.height for frame in container.decode(video=0)}


@pytest.mark.slow
def test_no_alert_comes_from_an_ad_and_no_window_and_no_clip_crosses_it(
    need_program: Callable[..., Path], tmp_path: Path
) -> None:
    with hls_server() as server:
        url = served(server, need_program("ffmpeg"), tmp_path)
        done, channel = watch(url, tmp_path, "--set", "streamlink.hls-segment-ignore-names=/ad/")
        assert not any(path.startswith("/ad/") for path in server.paths())
    assert done.code == 0, done.err
    found = sidecars(channel)
    assert {each["start_time"] < EPOCH_SECONDS for each in found} == {True, False}  # on both sides of the ad
    assert {alert["highlight"]["id"] for alert in alerts(channel)} == {each["id"] for each in found}
    for each in found:
        windows = [(window["start_time"], window["end_time"]) for window in each["windows"]]
        clip = (each["clip_start_time"], each["clip_start_time"] + each["clip_duration"])
        for start, end in [(each["start_time"], each["end_time"]), *windows, clip]:
            assert end <= EPOCH_SECONDS + 0.1 or start >= EPOCH_SECONDS - 0.1, (start, end)
        assert height(channel / each["filename"]) == {180}


@pytest.mark.long
def test_the_same_stream_with_its_ad_has_an_epoch_more(need_program: Callable[..., Path], tmp_path: Path) -> None:
    """What the test above would see if the ad were not left out."""
    with hls_server() as server:
        _, channel = watch(served(server, need_program("ffmpeg"), tmp_path), tmp_path)
    assert 90 in set().union(*(height(channel / each["filename"]) for each in sidecars(channel)))
