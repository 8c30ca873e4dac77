"""The whole process stands still for a while, as a laptop whose lid is shut: SIGSTOP, and SIGCONT later.

stream    ═══════════════════════════════════════════▶
program   ═══════════│ suspended │═══════════════════▶   no watch took that for a stall: it was not watching
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.kill_loop import Tally, count
from tests.faults.live_world import LiveWorld, live_world

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

READ_TIMEOUT_SECONDS = 1.0


def suspended(program: "subprocess.Popen[bytes]", seconds: float) -> None:
    program.send_signal(signal.SIGSTOP)
    time.sleep(seconds)  # nothing can be waited for: it is the time itself
    program.send_signal(signal.SIGCONT)


def watch_suspended(folder: Path, film: Path, need_program: Callable[..., Path], seconds: float) -> str:
    """What the program said."""
    patience = {"read_timeout_seconds": READ_TIMEOUT_SECONDS, "poll_seconds": 0.5}
    with live_world(folder, film, need_program, source=patience) as world:
        program = world.start()
        try:
            world.ends(0, program)
            suspended(program, seconds)
            world.ends(world.done(), program)
            end(world, program)
        finally:
            program.kill()
            program.wait()
        tally = Tally()
        count(world, tally)
        assert tally.lost == [], world.said
        return world.said


def end(world: LiveWorld, program: "subprocess.Popen[bytes]") -> None:
    program.send_signal(signal.SIGTERM)
    assert program.wait(60) == 0, world.said
    world.all_heard()


def test_after_a_suspension_it_goes_on_and_nothing_took_it_for_a_stall(
    made: Callable[..., Path], need_program: Callable[..., Path], tmp_path: Path
) -> None:
    said = watch_suspended(tmp_path, made("h264 in flv", seconds=60), need_program, 2.5 * READ_TIMEOUT_SECONDS)
    assert "no data" not in said
    assert "still hangs" not in said


@pytest.mark.long
@pytest.mark.timeout(300)
def test_after_a_minute_it_goes_on_with_what_the_server_still_has_for_it(
    made: Callable[..., Path], need_program: Callable[..., Path], tmp_path: Path
) -> None:
    watch_suspended(tmp_path, made("h264 in flv", seconds=60), need_program, 60.0)
