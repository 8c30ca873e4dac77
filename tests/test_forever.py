"""--forever: each broadcast is a run of its own, and the next starts from the baseline of the one before.

server     |--- broadcast ---|          |--- broadcast ---|
program    [waiting][ run 1  ][ waiting ][ run 2 ........ Ctrl+C
"""

import json
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.peers.nginx_rtmp import MODULE, nginx_rtmp
from tests.test_same_everywhere import await_line, finished

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def counted(address: str, name: str) -> float:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=60) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    (value,) = (one.value for family in families for one in family.samples if one.name == name)
    return value


def test_two_broadcasts_are_two_runs_and_the_second_needs_no_warm_up(
    need_program: Callable[..., Path], media: Callable[[str], Path], tmp_path: Path
) -> None:
    ffmpeg, film = need_program("ffmpeg"), media("sintel_trailer_480p.mp4")
    folder = tmp_path / "nginx"
    folder.mkdir()
    with nginx_rtmp(need_program("nginx", MODULE), folder) as server:
        url = server.url("key")
        settings = ["source.read_timeout_seconds=2", "source.give_up_seconds=0", "source.poll_seconds=0.2"]
        options = [part for setting in settings for part in ("--set", setting)]
        options += ["--metrics", "127.0.0.1:0"]
        command = [sys.executable, "-m", "stream_processor", "--stream", url, "--forever", "--ui", "json", *options]
        with subprocess.Popen([*command, "--output", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watcher:
            address = await_line(watcher, lambda line: "address" in line)["address"]
            frames = []
            for broadcast in (1, 2):
                server.await_log("play: name=", times=broadcast, timeout_seconds=30.0)
                send = ["-v", "error", "-readrate", "8", "-i", str(film), "-t", "30", "-c", "copy", "-f", "flv", url]
                subprocess.run([str(ffmpeg), *send], check=True, timeout=60)
                await_line(watcher, lambda line: line.get("type") == "summary")
                frames.append(counted(address, "clip_highlights_frames_total"))
            assert counted(address, "clip_highlights_broadcasts_total") == 2
            assert frames[1] > 1.5 * frames[0] > 0  # counters go on from one broadcast to the next
            watcher.send_signal(signal.SIGINT)
            assert finished(watcher) == 130
    with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as journal:
        baselines = [json.loads(text) for (text,) in journal.execute("SELECT baseline FROM runs ORDER BY id")]
    assert len(baselines) == 2
    assert baselines[0] == []
    assert baselines[1], "the second run starts from nothing"
