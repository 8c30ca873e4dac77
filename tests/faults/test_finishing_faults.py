"""A finishing step that hangs, and kill −9 between a highlight's closing and its clip: none is lost, and none cut otherwise.

highlight  ──[4 ══ 5]──┤ closed ─▶ finishing ─▶ update ─▶ clip ─▶ end
killed                              ✗ before      ✗ after
"""

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.faults.watched import Watched, in_pieces, wait_until, watched

LIVELY = [(4.0, 5.0)]
STEPS = "tests.finishing.odd_steps"
STOP_SECONDS = 10.0


@pytest.fixture
def stream(made: Callable[..., Path]) -> bytes:
    """18 s: the highlight is closed long before its end."""
    return b"".join(in_pieces(made("h264 in ts", seconds=48), 6)[:3])


def rows(world: Watched) -> list[Any]:
    try:
        with closing(sqlite3.connect(world.output / "journal.sqlite3")) as journal:
            return journal.execute("SELECT state, draft FROM highlights").fetchall()
    except sqlite3.OperationalError:  # there is no journal yet, or only the beginning of one
        return []


def wait_for(world: Watched, *, is_finished: bool) -> None:
    """Until the highlight is closed, and what its steps came to is journaled or not."""
    expected = [("closing", is_finished)]
    wait_until(
        lambda: world.process.poll() is not None or [(state, draft is not None) for state, draft in rows(world)] == expected,
        lambda: f"closing: {rows(world)} {world.said[-3000:]}",
    )
    assert world.process.poll() is None, world.said[-3000:]
    wait_until(lambda: len(types(world)) >= 1 + is_finished, lambda: world.said[-3000:])  # what was journaled is told


def types(world: Watched) -> list[str]:
    return [alert["type"] for alert in world.alerts()]


def restarted(folder: Path, stream: bytes) -> tuple[list[str], dict[str, Any]]:
    """What is told in all once the next start is through with it, and its `end`. Nothing is found in its own stream."""
    with watched(folder, []) as world:
        world.feed(stream)
        world.tells("end", 1)
        world.end()
        (ended,) = world.ended()
        return types(world), ended


def test_a_step_that_hangs_holds_up_neither_the_end_nor_the_clip(stream: bytes, tmp_path: Path) -> None:
    #  asked to end ├──────────── 10 s at most ─────────────┤    the clip as it was planned
    process = {"stop_seconds": STOP_SECONDS}
    with watched(tmp_path, LIVELY, finishing={"steps": [f"{STEPS}:Stuck"]}, process=process) as world:
        world.feed(stream)
        wait_for(world, is_finished=False)
        world.process.terminate()
        assert world.process.wait(60) in (0, 1 if sys.platform == "win32" else 0), world.said[-3000:]
        (ended,) = world.ended()
    assert [note["step"] for note in ended["finishing"]] == ["stuck"]
    assert ended["finishing"][0]["reason"].startswith("left out: ")
    assert ended["clip"] is not None
    assert (world.channel / ended["filename"]).exists()


def test_killed_before_its_steps_are_through_it_is_cut_as_it_was_planned(stream: bytes, tmp_path: Path) -> None:
    with watched(tmp_path, LIVELY, clip={"cut": "exact"}, finishing={"steps": [f"{STEPS}:Stuck"]}) as world:
        world.feed(stream)
        wait_for(world, is_finished=False)
        world.process.kill()
        world.process.wait()
        assert "end" not in types(world)
    told, ended = restarted(tmp_path, stream)
    assert told == ["new", *["update"] * (len(told) - 2), "end"]
    assert ended["finishing"] == []
    assert ended["clip_start_time"] <= ended["start_time"] - 0.5


def test_killed_after_its_steps_are_through_it_is_cut_as_they_have_said(stream: bytes, tmp_path: Path) -> None:
    hangs = tmp_path / "hangs"
    hangs.touch()
    clip = {"clip": {"kind": "tests.faults.hanging_parts:HangingCutter"}, "clip.options": {"while_there": str(hangs)}}
    with watched(tmp_path, LIVELY, **clip, finishing={"steps": [f"{STEPS}:Later"]}) as world:
        world.feed(stream)
        wait_for(world, is_finished=True)
        world.process.kill()
        world.process.wait()
    told, ended = restarted(tmp_path, stream)
    assert told == ["new", *["update"] * (len(told) - 2), "end"]
    assert [note["reason"] for note in ended["finishing"]] == ["half a second later"]
    planned = ended["clip_planned"]
    assert planned["start_time"] == pytest.approx(ended["start_time"])  # half a second of pre-roll, half a second later
    assert planned["end_time"] == pytest.approx(ended["end_time"] + 1.0)
    assert ended["clip_start_time"] + ended["clip_duration"] == pytest.approx(planned["end_time"], abs=0.3)


def test_killed_when_no_file_is_to_be_kept_there_is_none_after_the_restart_either(stream: bytes, tmp_path: Path) -> None:
    with watched(tmp_path, LIVELY, finishing={"steps": [f"{STEPS}:Choosy"]}) as world:
        world.feed(stream)
        wait_until(lambda: world.process.poll() is not None or any(draft for _, draft in rows(world)), lambda: world.said[-3000:])
        world.process.kill()
        world.process.wait()
    told, ended = restarted(tmp_path, stream)
    assert told == ["new", *["update"] * (len(told) - 2), "end"]
    assert (ended["clip"], ended["kept"], ended["clip_reason"]) == (None, False, "ranked 7th of the last hour, 6 are kept")
    assert [*world.channel.glob("*.mp4"), *world.channel.glob(".spool/*")] == []
