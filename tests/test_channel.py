"""One channel from its first packet on: while the scorers load, and when that is given up."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.program import LIGHT, script, start, strict
from tests.scripted_scorer import Script

PATIENCE_SECONDS = 60.0


class Late(Script):
    """Takes long to load: until somebody opens ``gate``, a named pipe, at its other end."""

    def __init__(self, gate: str, **options: Any) -> None:
        Path(gate).open("rb").close()
        super().__init__(**options)


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    if not hasattr(os, "mkfifo"):
        pytest.skip("named pipes are needed")
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


@contextmanager
def watching(folder: Path, stream: Path, gate: Path) -> Iterator["subprocess.Popen[bytes]"]:
    kind, lively = "tests.test_channel:Late", [[3.0, 5.0]]
    config = script(folder, [], **{"motion": {"kind": kind}, "motion.options": {"lively": lively, "gate": str(gate)}})
    with start("--stream", stream, "--output", folder / "out", "--config", config, *LIGHT[:-1], "json") as program:
        try:
            yield program
        finally:
            program.kill()


def until(program: "subprocess.Popen[bytes]", **fields: str) -> dict[str, Any]:
    """The first line of JSON that has these fields."""
    assert program.stdout is not None
    for line in program.stdout:
        said: dict[str, Any] = strict(line.decode())
        if fields.items() <= said.items():
            return said
    raise AssertionError(f"it ended without {json.dumps(fields)}")


def test_the_stream_is_read_while_the_scorers_still_load_and_nothing_of_it_is_missed(
    made: Callable[..., Path], tmp_path: Path, gate: Path
) -> None:
    #  stream    live ──▶ packets wait …        0 1 2 3 highlight 5 …
    #  scorers   ────── load ─────── gate open ▲
    with watching(tmp_path, made("h264 in mp4"), gate) as program:
        until(program, type="state", state="live")
        gate.open("wb").close()
        assert until(program, type="window")["start_time"] == 0.0
        assert until(program, type="new")["highlight"]["start_time"] == pytest.approx(3.0, abs=1)
        program.communicate(timeout=PATIENCE_SECONDS)
        assert program.returncode == 0


def test_an_end_that_is_asked_for_while_the_scorers_load_waits_for_none_of_it(
    made: Callable[..., Path], tmp_path: Path, gate: Path
) -> None:
    with watching(tmp_path, made("h264 in mp4"), gate) as program:
        until(program, type="state", state="live")
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=PATIENCE_SECONDS)
        assert program.returncode == 130
        assert b"Traceback" not in out + err
