"""The wall clock set back and forth under the running program (libfaketime; the monotonic clock stays as it is).

wall       1972 ──────── now ──────── − 3 h ──────│ killed │──── now
stream     │ epoch 0     │ epoch 1     │ epoch 2            │ a run of its own
broker     (down)                                           up: every alert, in order, none expired
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.kill_loop import Tally, count
from tests.faults.live_world import LiveWorld, live_world
from tests.faults.watched import wait_until

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="libfaketime is preloaded"), pytest.mark.timeout(120)]

LIBRARIES = ("x86_64-linux-gnu", "aarch64-linux-gnu", "")
HOUR = 3600
IN_1972 = int(-time.time()) + 2 * 365 * 24 * HOUR


@pytest.fixture
def library() -> Path:
    found = [path for place in LIBRARIES if (path := Path("/usr/lib", place, "faketime", "libfaketimeMT.so.1")).exists()]
    if not found:
        reason = "libfaketime is not installed"
        pytest.fail(reason, pytrace=False) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return found[0]


class WallClock:
    """What the program takes for the wall clock."""

    def __init__(self, folder: Path, library: Path) -> None:
        self._file = folder / "clock"
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds_off: int) -> None:
        part = self._file.with_suffix(".part")
        part.write_text(f"{seconds_off:+d}\n")
        part.replace(self._file)  # it is read at any moment


def stems(world: LiveWorld) -> list[str]:
    """Of the clips, in the order in which they were made."""
    rows = world.rows("SELECT json_extract(clip, '$.filename') FROM highlights WHERE clip IS NOT NULL ORDER BY rowid")
    return [Path(name).stem for (name,) in rows]


def a_new_epoch(world: LiveWorld) -> None:
    """The encoder begins again at zero."""
    epochs = len(world.rows("SELECT number FROM epochs"))
    world.publish()
    wait_until(lambda: len(world.rows("SELECT number FROM epochs")) > epochs, lambda: f"a new epoch: {world.said[-3000:]}")


def assert_nothing_lost(world: LiveWorld) -> None:
    world.all_heard()
    tally = Tally()
    count(world, tally)
    assert tally.lost == [], world.said
    assert "expired" not in world.said
    assert len(set(stems(world))) == len(stems(world))


def stop(world: LiveWorld, program: "subprocess.Popen[bytes]") -> None:
    program.send_signal(signal.SIGTERM)
    assert program.wait(60) == 0, world.said


def test_a_wall_clock_set_back_and_forth_by_hours_and_decades_stalls_nothing_and_loses_no_alert(
    made: Callable[..., Path], need_program: Callable[..., Path], tmp_path: Path, library: Path
) -> None:
    clock = WallClock(tmp_path, library)
    with live_world(tmp_path, made("h264 in flv", seconds=60), need_program) as world:
        clock.set(IN_1972)
        program = world.start(**clock.environment)
        try:
            world.ends(0, program)
            for seconds_off in (0, -3 * HOUR):
                clock.set(seconds_off)
                world.ends(world.done(), program)
            stop(world, program)
        finally:
            program.kill()
            program.wait()
        assert_nothing_lost(world)


@pytest.mark.long
def test_nor_with_new_epochs_and_a_broker_that_is_down_until_the_next_start(
    made: Callable[..., Path], need_program: Callable[..., Path], tmp_path: Path, library: Path
) -> None:
    clock = WallClock(tmp_path, library)
    quickly = {"read_timeout_seconds": 1.0, "poll_seconds": 0.5, "give_up_seconds": 60.0}
    with live_world(tmp_path, made("h264 in flv", seconds=60), need_program, source=quickly) as world:
        world.broker.stop()
        clock.set(IN_1972)
        program = world.start(**clock.environment)
        try:
            world.ends(0, program)
            in_1972 = world.done()
            for seconds_off in (0, -3 * HOUR):
                clock.set(seconds_off)
                a_new_epoch(world)
                world.ends(world.done(), program)
        finally:
            program.kill()
            program.wait()
        world.broker.start()
        program = world.start()
        try:
            world.ends(world.done(), program)
            stop(world, program)
        finally:
            program.kill()
            program.wait()
        assert_nothing_lost(world)
        names = stems(world)
        assert all(name.startswith("1972") for name in names[:in_1972])
        assert names == sorted(names), "within a run they sort as the stream does, and the runs are in order"
