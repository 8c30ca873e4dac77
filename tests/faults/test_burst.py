"""Highlights by the hundred, faster than they can be cut: all alerts in order, all clips, and nothing grows with them."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.watched import wait_until, watched
from tests.program import sidecars

EVERY_SECONDS = 6.0


def looped(ffmpeg: Path, source: Path, times: int, folder: Path) -> Path:
    target = folder / "looped.ts"
    command: list[str | Path] = [ffmpeg, "-v", "error", "-stream_loop", str(times - 1), "-i", source, "-c", "copy", "-y", target]
    subprocess.run(command, check=True)
    return target


def held(pid: int) -> tuple[int, float]:
    """How many threads, and MB of memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    threads, kilobytes = (int(status.partition(f"{name}:")[2].split()[0]) for name in ("Threads", "VmRSS"))
    return threads, kilobytes / 1000


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="threads are counted in /proc")
@pytest.mark.parametrize("loops", [3, pytest.param(63, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_a_burst_of_highlights_loses_no_alert_and_no_clip_and_takes_no_more_threads(
    made: Callable[..., Path], need_program: Callable[..., Path], tmp_path: Path, loops: int
) -> None:
    stream = looped(need_program("ffmpeg"), made("h264 in ts", seconds=48), loops, tmp_path)
    highlights = loops * 8
    lively = [(EVERY_SECONDS * number + 3.0, EVERY_SECONDS * number + 4.0) for number in range(highlights)]
    with watched(tmp_path, lively) as program:
        data = stream.read_bytes()
        program.feed(data[: len(data) // 2])
        program.tells("end", highlights // 4)
        threads, mb = held(program.process.pid)
        program.feed(data[len(data) // 2 :])
        program.tells("end", highlights // 2)
        later_threads, later_mb = held(program.process.pid)
        assert later_threads <= threads + 8, "helpers come and go, but not one for each highlight"
        assert later_mb <= mb + 100.0
        assert program.process.stdin is not None
        program.process.stdin.close()
        wait_until(lambda: program.process.poll() is not None, "its end", seconds=600.0)
        assert program.process.returncode == 0, program.said
        told = program.alerts()
        ended = program.ended()
    assert [alert["sequence"] for alert in told] == list(range(1, len(told) + 1))
    assert len(ended) >= highlights - 2
    assert all(highlight["clip"] for highlight in ended)
    opened = [alert["highlight"]["id"] for alert in told if alert["type"] == "new"]
    assert sorted(opened) == sorted(highlight["id"] for highlight in ended)
    assert [alert["highlight"]["start_time"] for alert in told if alert["type"] == "new"] == sorted(
        alert["highlight"]["start_time"] for alert in told if alert["type"] == "new"
    )
    assert sorted(sidecar["id"] for sidecar in sidecars(program.channel)) == sorted(opened)
