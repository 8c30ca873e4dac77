"""kill −9 at random moments: after the restart no half file, no lost alert, and of an open highlight all but the recovery point.

``-m long`` kills two hundred times, and prints what it counted (``-s`` shows it).
"""

import os
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from stream_processor.clipping.cut import FfmpegCutter
from stream_processor.clips import SPOOL_FOLDER
from stream_processor.recovery import recover
from stream_processor.settings import ClipSettings
from tests.channel import highlight
from tests.conftest import REPOSITORY
from tests.faults.feeding import HIGHLIGHT_ID
from tests.faults.kill_loop import Tally, When, kill_again_and_again
from tests.faults.live_world import live_world

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

SEED = 4
KILLS = 210
RECOVERY_POINT_SECONDS = 2.0
"""What of the packets seen may be lacking: a second until a cluster is written, and what the cutting thread had not yet read."""
_STARVED_SECONDS = 10.0
"""On top of it, for a machine that lets a thread wait."""


def kill(folder: Path, film: Path, need_program: Callable[..., Path], moments: Sequence[When], seed: int) -> Tally:
    with live_world(folder, film, need_program, rate=2) as running:
        tally = kill_again_and_again(running, moments, random.Random(seed))
    print(f"\nkill −9, seed {seed}: {tally}")
    return tally


def test_nothing_is_lost_when_the_program_is_killed_at_its_start_with_a_highlight_open_and_while_it_cuts(
    made: Callable[..., Path], need_program: Callable[..., Path], tmp_path: Path
) -> None:
    moments: list[When] = ["open", "starting", "closing", "open", "closing", "starting"]
    tally = kill(tmp_path, made("h264 in flv", seconds=60), need_program, moments, SEED)
    assert tally.lost == []
    assert tally.recovered >= 1
    assert tally.highlights == tally.clips + tally.without_clip.total()


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_nothing_is_lost_in_two_hundred_kills_at_random_moments(
    made: Callable[..., Path], need_program: Callable[..., Path], tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    kinds: list[When] = ["starting", "running", "open", "closing"]
    moments = chance.choices(kinds, weights=[3, 3, 3, 2], k=KILLS)
    tally = kill(tmp_path, made("h264 in flv", seconds=60), need_program, moments, SEED)
    assert tally.lost == []
    assert tally.recovered >= KILLS / 20


def lacking_seconds(recording: Path, folder: Path, kill_at_seconds: Sequence[float]) -> list[float]:
    """For each kill: how much of what had been seen of an open highlight the recovered clip has not. All at the same time."""
    programs = []
    for number, _ in enumerate(kill_at_seconds):
        channel = folder / str(number)
        channel.mkdir()
        command = [sys.executable, "-m", "tests.faults.feeding", str(recording), str(channel)]
        environ = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        programs.append((channel, subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env=environ)))
    lacking = []
    try:
        for (channel, program), at_seconds in sorted(zip(programs, kill_at_seconds, strict=True), key=lambda one: one[1]):
            assert program.stdout is not None
            seen_seconds = 0.0
            for line in program.stdout:
                if line.endswith("\n"):
                    seen_seconds = max(seen_seconds, float(line))
                if seen_seconds >= at_seconds:
                    program.kill()
            lacking.append(seen_seconds - recovered_end_seconds(channel))
    finally:
        for _, program in programs:
            program.kill()
            program.communicate()
    return lacking


def recovered_end_seconds(channel: Path) -> float:
    moment = highlight(0.0, 0.5, id=HIGHLIGHT_ID)
    outcome = recover(channel, moment, 0.0, ClipSettings(), FfmpegCutter(), channel / "clip", is_open=True)
    assert outcome.clip is not None, (outcome.reason, list(channel.joinpath(SPOOL_FOLDER).iterdir()))
    return outcome.clip.start_seconds + outcome.clip.duration_seconds


def test_of_an_open_highlight_no_more_is_lacking_than_the_recovery_point(made: Callable[..., Path], tmp_path: Path) -> None:
    chance = random.Random(SEED)
    lacking = lacking_seconds(made("h264 in ts", seconds=22), tmp_path, [chance.uniform(2.0, 3.5) for _ in range(3)])
    assert max(lacking) <= RECOVERY_POINT_SECONDS + _STARVED_SECONDS


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_recovery_point_over_many_kills(made: Callable[..., Path], tmp_path: Path) -> None:
    chance, lacking = random.Random(SEED), list[float]()
    for number in range(15):
        folder = tmp_path / str(number)
        folder.mkdir()
        lacking += lacking_seconds(made("h264 in ts", seconds=22), folder, [chance.uniform(2.5, 8.0) for _ in range(6)])
    print(
        f"\nof {len(lacking)} recovered clips: lacking at worst {max(lacking):.2f} s, median {statistics.median(lacking):.2f} s"
    )
    assert max(lacking) <= RECOVERY_POINT_SECONDS
