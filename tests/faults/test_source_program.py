"""The whole program while its source misbehaves: what is said, what is kept, and what goes on."""

import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.program import script, start
from tests.sources.media_files import publish

DEADLINE_SECONDS = 60.0
QUICK = ("--ui", "json", "--device", "cpu", "--set", "source.read_timeout_seconds=1", "--set", "source.poll_seconds=1")


class Told:
    """What a running program prints as JSON lines, one after the other."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._log = log

    def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next line for which it holds. The tests' own time-out ends a wait that is in vain."""
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            self.lines.append(json.loads(raw))
            if holds(self.lines[-1]):
                return self.lines[-1]
        raise AssertionError(f"it ended before: {self.log}")

    def until_state(self, state: str) -> None:
        self.until(lambda line: line["type"] == "state" and line["state"] == state)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        for raw in self.process.stdout or ():
            self.lines.append(json.loads(raw))
        return self.process.wait(DEADLINE_SECONDS)

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")


@contextmanager
def program(tmp_path: Path, stream: str, *arguments: str, **sections: Any) -> Iterator[Told]:
    config = script(tmp_path, [], **sections)
    log = tmp_path / "log.txt"
    with log.open("wb") as errors:
        process = start(
            *("--stream", stream, "--output", tmp_path / "out", "--config", config), *QUICK, *arguments, stderr=errors
        )
    try:
        yield Told(process, log)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def film(made: Callable[..., Path]) -> Path:
    return made("h264 in flv")


def await_door(port: int) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


def test_an_encoder_that_leaves_and_returns_at_zero_goes_on_in_the_same_run_without_a_second_warm_up(
    need_program: Callable[..., Path], film: Path, port: int, tmp_path: Path
) -> None:
    #  encoder   0 … 8 s │ gone │ 0 … 4 s │ gone
    #  warm-up   6 s               none
    #  decided   ────────         ────── before the program ends: too little for a second warm-up
    ffmpeg, url = need_program("ffmpeg"), f"rtmp://127.0.0.1:{port}/live/key"
    with program(tmp_path, f"listen:{url}", peaks={"warmup_seconds": 6.0}) as told:
        told.until_state("reconnecting")  # it waits for the first
        await_door(port)
        with publish(ffmpeg, film, url) as first:
            told.until_state("live")
            first.wait(DEADLINE_SECONDS)
        decided = told.until(lambda line: line["type"] == "window")
        assert decided["start_time"] < 1.0
        with publish(ffmpeg, film, url, seconds=4):
            again = told.until(lambda line: line["type"] == "window" and line["start_time"] >= 8.0)
        assert again["threshold"] is not None
        assert told.stop() == 0
    states = [line["state"] for line in told.lines if line["type"] == "state"]
    assert states.count("live") == 2
    assert "Traceback" not in told.log


def test_a_suspended_program_does_not_take_its_own_sleep_for_a_stall(
    need_program: Callable[..., Path], film: Path, port: int, tmp_path: Path
) -> None:
    """Asleep for longer than a stream may be silent; the encoder, which may buffer, goes on meanwhile."""
    command = [need_program("ffmpeg"), "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", film, "-c", "copy"]
    url = f"rtmp://127.0.0.1:{port}/live/key"
    with program(tmp_path, f"listen:{url}") as told:
        await_door(port)
        with subprocess.Popen([*map(str, command), "-f", "flv", url], stderr=subprocess.DEVNULL) as encoder:
            told.until(lambda line: line["type"] == "window")
            told.process.send_signal(signal.SIGSTOP)
            time.sleep(3.0)  # the fault itself: it has to last for longer than read_timeout_seconds and its margin
            told.process.send_signal(signal.SIGCONT)
            newest = told.lines[-1]["start_time"]
            told.until(lambda line: line["type"] == "window" and line["start_time"] > newest + 2.0)
            assert told.stop() == 0
            encoder.kill()
    assert "broke off" not in told.log
    assert [line["state"] for line in told.lines if line["type"] == "state"].count("live") == 1
