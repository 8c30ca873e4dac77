"""One recording, five ways in: the same highlights, within one pane, whatever carried it.

file      |------[=======]-------|
pipe      |------[=======]-------|      ffmpeg -f mpegts | main --stream -
HLS       |------[=======]-------|      from its first segment
pulled    |------[=======]-------|      nginx-rtmp, subscribed before publishing began
listening |------[=======]-------|      ffmpeg publishes straight to us
"""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.peers.hls_server import hls_server
from tests.peers.nginx_rtmp import MODULE, nginx_rtmp

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

PANE_SECONDS = 1.0
RATE = "8"
"""Published so many times faster than real time."""
SETTINGS = [
    "peaks.warmup_seconds=0",
    "novelty.kind=light",
    "analysis.queue_seconds=60",  # faster than real time, a live stream would otherwise thin the analysis out
    "source.read_timeout_seconds=2",
    "source.give_up_seconds=0",
    "streamlink.hls-live-restart=true",
]


def command(stream: str, output: Path) -> list[str]:
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    return [
        *(sys.executable, "-m", "stream_processor", "--stream", stream, "--output", str(output)),
        *("--ui", "json", "--wait", *settings),
    ]


def highlights(output: Path) -> list[tuple[float, float]]:
    """(start, end) of every highlight that was closed, in stream seconds."""
    alerts = [json.loads(line) for file in output.glob("*/alerts.jsonl") for line in file.read_text().splitlines()]
    ended = [alert["highlight"] for alert in alerts if alert["type"] == "end"]
    assert all(highlight["filename"] for highlight in ended), "a highlight without a clip"
    return sorted((highlight["start_time"], highlight["end_time"]) for highlight in ended)


@pytest.fixture(scope="module")
def film(media: Callable[[str], Path]) -> Path:
    return media("sintel_trailer_480p.mp4")


@pytest.fixture(scope="module")
def from_file(film: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[float, float]]:
    output = tmp_path_factory.mktemp("file")
    subprocess.run(command(str(film), output), check=True, capture_output=True, timeout=90)
    return highlights(output)


@pytest.fixture
def ffmpeg(need_program: Callable[..., Path]) -> Path:
    return need_program("ffmpeg")


def assert_same(output: Path, expected: list[tuple[float, float]]) -> None:
    found = highlights(output)
    assert len(found) == len(expected), f"{found} instead of {expected}"
    for (start, end), (expected_start, expected_end) in zip(found, expected, strict=True):
        assert abs(start - expected_start) <= PANE_SECONDS
        assert abs(end - expected_end) <= PANE_SECONDS


def test_the_file_holds_the_chase_and_the_fight(from_file: list[tuple[float, float]]) -> None:
    assert any(start < 34 and end > 20 for start, end in from_file)


def test_a_pipe_gives_the_same(film: Path, ffmpeg: Path, tmp_path: Path, from_file: list[tuple[float, float]]) -> None:
    remux = [str(ffmpeg), "-v", "error", "-i", str(film), "-c", "copy", "-f", "mpegts", "-"]
    with subprocess.Popen(remux, stdout=subprocess.PIPE) as sender:
        subprocess.run(command("-", tmp_path), stdin=sender.stdout, check=True, capture_output=True, timeout=90)
    assert_same(tmp_path, from_file)


def test_hls_from_its_first_segment_gives_the_same(
    film: Path, ffmpeg: Path, tmp_path: Path, from_file: list[tuple[float, float]]
) -> None:
    segments = tmp_path / "hls"
    segments.mkdir()
    subprocess.run(
        [str(ffmpeg), "-v", "error", "-i", str(film), "-c", "copy", "-hls_time", "4", "-hls_list_size", "0", "a.m3u8"],
        cwd=segments,
        check=True,
        timeout=60,
    )
    with hls_server() as server:
        server.folders["/"] = segments
        output = tmp_path / "out"
        subprocess.run(command(f"{server.url}/a.m3u8", output), check=True, capture_output=True, timeout=90)
    assert_same(output, from_file)


def test_rtmp_subscribed_before_publishing_begins_gives_the_same(
    film: Path, ffmpeg: Path, need_program: Callable[..., Path], tmp_path: Path, from_file: list[tuple[float, float]]
) -> None:
    folder = tmp_path / "nginx"
    folder.mkdir()
    with nginx_rtmp(need_program("nginx", MODULE), folder) as server:
        url = server.url("key")
        with subprocess.Popen(command(url, tmp_path / "out"), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watcher:
            server.await_log("play: name=", timeout_seconds=30.0)
            publish(ffmpeg, film, url)
            assert finished(watcher) == 0
    assert_same(tmp_path / "out", from_file)


def test_listening_to_an_encoder_gives_the_same(
    film: Path, ffmpeg: Path, tmp_path: Path, from_file: list[tuple[float, float]]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"rtmp://127.0.0.1:{port}/live/key"
    with subprocess.Popen(command(f"listen:{url}", tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watcher:
        await_line(watcher, lambda line: "waiting for an encoder" in str(line))
        publish(ffmpeg, film, url)
        await_line(watcher, lambda line: line.get("type") == "state" and "waiting for an encoder" in str(line))
        watcher.send_signal(signal.SIGINT)  # it would listen again, for ever
        assert finished(watcher) == 130
    assert_same(tmp_path, from_file)


def publish(ffmpeg: Path, film: Path, url: str) -> None:
    send = [str(ffmpeg), "-v", "error", "-readrate", RATE, "-i", str(film), "-c", "copy", "-f", "flv", url]
    subprocess.run(send, check=True, capture_output=True, timeout=60)


def await_line(process: "subprocess.Popen[bytes]", wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    assert process.stdout is not None
    for text in process.stdout:
        line: dict[str, Any] = json.loads(text)
        if wanted(line):
            return line
    raise AssertionError(f"it ended: {process.stderr.read().decode() if process.stderr else ''}")


def finished(process: "subprocess.Popen[bytes]") -> int:
    process.communicate(timeout=60)
    return process.returncode
