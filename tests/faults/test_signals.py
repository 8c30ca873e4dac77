"""SIGTERM, SIGHUP and Ctrl+C: an end in order within ``process.stop_seconds``, whatever hangs. Real processes, real signals.

asked      decided        clips cut      sinks drained, closed     journal
  ├───────────┼──────────────┼──────────────────┼─────────────────────┤ over
what hangs is left at its mark, said by name, and the rest is done all the same
"""

import asyncio
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.clip_reader import play
from tests.faults.watched import DEADLINE_SECONDS, QUICK, Watched, wait_until, watched
from tests.peers.broker import Broker, listening
from tests.program import LIGHT, script, start

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
    pytest.mark.timeout(120),
]

HANGS = "tests.faults.hanging_parts"
CODES = {signal.SIGTERM: 0, signal.SIGINT: 130}


@pytest.fixture
def stream(made: Callable[..., Path]) -> bytes:
    """22 s of a live encoder's output; it goes on, but nothing more comes."""
    return made("h264 in ts", seconds=22).read_bytes()


def stop(program: Watched, number: signal.Signals, *, within_seconds: float) -> float:
    """Ask for the end, and wait for it. The seconds that it took; starved machines get as many again, and ten on top."""
    began = time.monotonic()
    program.process.send_signal(number)
    code = program.process.wait(2 * within_seconds + 10)
    assert code == CODES[number], program.said
    assert "Traceback" not in program.said
    return time.monotonic() - began


def states(output: Path) -> list[str]:
    with closing(sqlite3.connect(output / "journal.sqlite3")) as journal:
        return [state for (state,) in journal.execute("SELECT state FROM highlights ORDER BY rowid")]


def assert_closed_and_written(program: Watched) -> None:
    (ended,) = program.ended()
    assert ended["clip"] is not None, program.said
    assert play(program.channel / ended["filename"]).first_is_key
    assert states(program.output) == ["done"]


def begin_again(folder: Path) -> Watched:
    """A start without the fault, and without a stream."""
    with watched(folder, []) as program:
        assert program.process.stdin is not None
        program.process.stdin.close()
        program.process.wait(DEADLINE_SECONDS)
    return program


def hanging_cutter(while_there: Path) -> dict[str, dict[str, Any]]:
    while_there.touch()
    return {"clip": {"kind": f"{HANGS}:HangingCutter"}, "clip.options": {"while_there": str(while_there)}}


async def test_a_scorer_that_hangs_is_left_behind_and_what_is_open_is_closed_written_and_told(
    tmp_path: Path, stream: bytes, need_program: Callable[..., Path]
) -> None:
    #  scorer   0 ─── highlight opens at 4 ─── ✗ hangs at 9        SIGTERM: closed with what was decided
    broker = Broker(need_program("mosquitto"), tmp_path)
    broker.start()
    try:
        sections: dict[str, dict[str, Any]] = {
            "motion": {"kind": f"{HANGS}:HangingScorer"},
            "motion.options": {"lively": [[4.0, 1000.0]], "hangs_at": 9},
            "process": {"stop_seconds": 8},
            "mqtt": {"url": broker.url},
        }
        with watched(tmp_path, [], **sections) as program:
            async with listening(broker) as listener:
                program.feed(stream)
                program.tells("update", 2)
                await asyncio.to_thread(stop, program, signal.SIGTERM, within_seconds=8)
                await listener.hear_until("clip_highlights/available", "stopped")
                told = [payload["type"] for topic, payload, *_ in listener.heard if topic.endswith("/alerts")]
        assert (told[0], told[-1], told.count("end")) == ("new", "end", 1)
        assert "still hangs" in program.said
        assert "the scorer of motion" in program.said
        assert_closed_and_written(program)
    finally:
        broker.stop()


def test_a_terminal_that_is_closed_loses_no_open_highlight(tmp_path: Path, stream: bytes) -> None:
    #  dashboard ─── highlight opens at 4 ───✗ terminal closed: SIGHUP, and nothing can be written to it any more
    import pty

    config = script(tmp_path, [(4.0, 1000.0)], **QUICK, log={"file": str(tmp_path / "log.txt")})
    terminal, screen = pty.openpty()
    arguments = ("--stream", "-", "--output", tmp_path / "out", "--config", config, *LIGHT, "--ui", "rich")
    heeds = partial(signal.signal, signal.SIGHUP, signal.SIG_DFL)  # whatever the tests were started under
    program = Watched(tmp_path, start(*arguments, stdout=screen, stderr=screen, preexec_fn=heeds))
    try:
        os.close(screen)
        program.feed(stream)
        program.tells("update", 2)
        os.close(terminal)
        program.process.send_signal(signal.SIGHUP)
        assert program.process.wait(DEADLINE_SECONDS) == 0, program.said
        assert "Traceback" not in program.said
        assert_closed_and_written(program)
    finally:
        program.process.kill()
        program.process.communicate()


def test_a_cutter_that_hangs_is_left_behind_also_at_the_next_start_and_the_one_after_makes_the_clip(
    tmp_path: Path, stream: bytes
) -> None:
    #  cutter     ✗ hangs            ✗ hangs                    ✓
    #  program    cuts, SIGTERM │    completes, SIGINT │        completes
    hang, cutting = tmp_path / "hang", tmp_path / "cutting"
    sections = {"process": {"stop_seconds": 2}, **hanging_cutter(hang)}
    with watched(tmp_path, [(4.0, 6.0)], **sections) as program:
        program.feed(stream)
        wait_until(cutting.exists, "it cuts")
        stop(program, signal.SIGTERM, within_seconds=2)
    assert "cutting a clip, which the next start completes" in program.said
    assert "what=scoring" not in program.said, "it had no time left, and needs none"
    assert "ended with an error" not in program.said
    assert "found 1 highlight" in program.said
    assert program.ended() == []
    assert states(program.output) == ["closing"]
    cutting.unlink()
    with watched(tmp_path, [], **sections) as program:
        wait_until(cutting.exists, "it completes")
        stop(program, signal.SIGINT, within_seconds=2)
    assert "completing a highlight of an earlier run" in program.said
    assert states(program.output) == ["closing"]
    hang.unlink()
    assert_closed_and_written(begin_again(tmp_path))


def test_a_sink_that_hangs_costs_its_alerts_their_delivery_for_now_and_nothing_else(tmp_path: Path, stream: bytes) -> None:
    with watched(
        tmp_path, [(4.0, 1000.0)], process={"stop_seconds": 4}, **{"sinks.odd": {"kind": f"{HANGS}:HangingSink"}}
    ) as program:
        program.feed(stream)
        program.tells("update", 2)
        stop(program, signal.SIGTERM, within_seconds=4)
    assert_closed_and_written(program)
    with closing(sqlite3.connect(program.output / "journal.sqlite3")) as journal:
        cursors = dict(journal.execute("SELECT sink, sequence FROM cursors"))
    assert cursors["odd"] == 0
    assert cursors["jsonl"] == len(program.alerts())


def test_not_even_an_event_loop_that_stands_still_holds_up_the_end_and_the_next_start_completes(
    tmp_path: Path, stream: bytes
) -> None:
    stuck = tmp_path / "stuck"
    kind, options = {"kind": "tests.faults.stuck_parts:StuckSink"}, {"while_there": str(stuck)}
    sections = {"process": {"stop_seconds": 2}, "sinks.odd": kind, "sinks.odd.options": options}
    with watched(tmp_path, [(4.0, 1000.0)], **sections) as program:
        program.feed(stream[: len(stream) // 2])
        program.tells("new", 1)
        stuck.touch()
        program.feed(stream[len(stream) // 2 :])
        program.process.send_signal(signal.SIGTERM)
        assert program.process.wait(DEADLINE_SECONDS) == 1, program.said
    assert "not at an end 2 s after being asked" in program.said
    stuck.unlink()
    again = begin_again(tmp_path)
    assert [alert["type"] for alert in again.alerts()].count("end") == 1
    assert states(again.output) == ["done"]


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path, stream: bytes) -> None:
    hang = tmp_path / "hang"
    sections = hanging_cutter(hang)
    with watched(tmp_path, [(4.0, 6.0)], process={"stop_seconds": 600}, **sections) as program:
        program.feed(stream)
        wait_until((tmp_path / "cutting").exists, "it cuts")
        program.process.send_signal(signal.SIGINT)
        program.says("interrupted: closing what is open, for at most 600 s; again to end at once")
        program.process.send_signal(signal.SIGINT)
        assert program.process.wait(DEADLINE_SECONDS) == 130


def test_the_windows_of_a_warm_up_are_judged_when_the_end_comes_in_the_middle_of_it(tmp_path: Path, stream: bytes) -> None:
    with watched(tmp_path, [(8.0, 11.0)], peaks={"warmup_seconds": 60.0}) as program:
        program.feed(stream)
        journal = program.output / "journal.sqlite3"

        def panes() -> int:
            if not journal.exists():
                return 0
            with closing(sqlite3.connect(journal)) as reading:
                return int(reading.execute("SELECT count(*) FROM panes").fetchone()[0])

        wait_until(lambda: panes() >= 14, "fourteen seconds are scored")
        assert program.alerts() == []
        stop(program, signal.SIGTERM, within_seconds=20)
    assert_closed_and_written(program)
