"""Kills the real program with SIGKILL again and again while a stream goes on, and counts what was promised against what is there.

publisher   ═══════════════════════════════════════════════════════▶  it never notices
program     ──✗ ──────✗ ─✗ ────────✗ ───✗ … ─────────── SIGTERM: a clean end
broker      ◀── every alert of the journal, in order, each at least once
"""

import json
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import av

from tests.clip_reader import play
from tests.faults.live_world import LiveWorld
from tests.program import alerts, files

When = Literal["starting", "running", "open", "closing"]
"""At which moment a kill comes: in the first two seconds, at any later one, with a highlight open, while a clip is written."""

_RUN_SECONDS = 5.0
_LOOK_SECONDS = 0.003
_LONGEST_WAIT_SECONDS = 20.0
OPEN_REASON = "the program ended while it was open: this is all that was on disk"


@dataclass
class Tally:
    """``lost``: what should be there and is not, in words."""

    kills: Counter[str] = field(default_factory=Counter)
    highlights: int = 0
    clips: int = 0
    recovered: int = 0
    without_clip: Counter[str] = field(default_factory=Counter)
    alerts: int = 0
    repeats: int = 0
    files_checked: int = 0
    lost: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"kills {self.kills.total()} {dict(self.kills)}, highlights {self.highlights}, clips {self.clips} (recovered "
            f"while open: {self.recovered}), without clip {dict(self.without_clip)}, alerts {self.alerts} (told again "
            f"{self.repeats}), looks at finished files {self.files_checked}, lost {len(self.lost)} {self.lost[:5]}"
        )


def kill_again_and_again(world: LiveWorld, moments: Sequence[When], chance: random.Random) -> Tally:
    """A kill for each of the moments, then a run that ends in order. What is broken at any time is in ``lost``."""
    tally, seen = Tally(), dict[Path, tuple[float, int]]()
    for moment in moments:
        program = world.start()
        try:
            _wait_for(moment, world, program, chance)
        finally:
            program.kill()
            program.wait()
        tally.kills[moment] += 1
        _look_at_finished_files(world, tally, seen)
    _end_in_order(world)
    _look_at_finished_files(world, tally, seen)
    count(world, tally)
    return tally


def _wait_for(moment: When, world: LiveWorld, program: "subprocess.Popen[bytes]", chance: random.Random) -> None:
    began = time.monotonic()
    if moment == "starting":
        until, holds = chance.uniform(0.0, 2.0), lambda: False
    elif moment == "running":
        until, holds = chance.uniform(2.0, 2.0 + _RUN_SECONDS), lambda: False
    else:
        until, holds = _LONGEST_WAIT_SECONDS, partial(_is_open if moment == "open" else _is_closing, world)
    least = chance.choice([0.0, 3.0]) if moment == "closing" else 0.0  # completing an earlier one, or of its own
    while (waited := time.monotonic() - began) < until and not (waited >= least and holds()):
        assert program.poll() is None, world.said
        time.sleep(_LOOK_SECONDS)
    if moment == "open":
        time.sleep(chance.uniform(0.0, 1.0))


def _is_open(world: LiveWorld) -> bool:
    return any(path.stat().st_size > 2000 for path in world.channel.glob(".spool/*.mkv"))


def _is_closing(world: LiveWorld) -> bool:
    return any(world.channel.glob(".*.part"))


def _end_in_order(world: LiveWorld) -> None:
    program = world.start()
    try:
        world.ends(world.done(), program)
        program.send_signal(signal.SIGTERM)
        assert program.wait(60) == 0, world.said[-3000:]
    finally:
        program.kill()
        program.wait()
    world.all_heard()


def _look_at_finished_files(world: LiveWorld, tally: Tally, seen: dict[Path, tuple[float, int]]) -> None:
    """Whoever finds a file under its final name finds all of it, at any moment."""
    for path in sorted([*world.channel.glob("[!.]*.mp4"), *world.channel.glob("[!.]*.mkv")]):
        state = (path.stat().st_mtime, path.stat().st_size)
        if seen.get(path) == state:
            continue
        seen[path] = state
        tally.files_checked += 1
        try:
            played = play(path)
            if not played.first_is_key or not played.times:
                tally.lost.append(f"{path.name}: begins in the middle, or is empty")
        except (AssertionError, av.FFmpegError, OSError) as error:
            tally.lost.append(f"{path.name}: {error}")


def count(world: LiveWorld, tally: Tally) -> None:
    """What the journal promises against what lies on disk and was told."""
    tally.lost += [f"left over: {name}" for name in files(world.channel) if "/." in f"/{name}"]
    rows = world.rows("SELECT id, state, clip, reason FROM highlights ORDER BY rowid")
    for highlight_id, state, clip, reason in rows:
        tally.highlights += 1
        if state != "done":
            tally.lost.append(f"{highlight_id} is {state}")
        if clip is None:
            tally.without_clip[reason] += 1
            continue
        tally.clips += 1
        tally.recovered += reason == OPEN_REASON
        told = json.loads(clip)
        path = world.channel / told["filename"]
        missing = [suffix for suffix in (path.suffix, ".json", ".jpg") if not path.with_suffix(suffix).exists()]
        tally.lost += [f"{path.stem} lacks {suffix}" for suffix in missing]
    _count_alerts(world, tally)


def _count_alerts(world: LiveWorld, tally: Tally) -> None:
    journaled = [
        (type_, json.loads(payload)) for type_, payload in world.rows("SELECT type, payload FROM events ORDER BY sequence")
    ]
    tally.alerts = len(journaled)
    for name, told in (("jsonl", alerts(world.channel)), ("broker", world.heard())):
        at, again = 0, 0
        for alert in told:
            one = (alert["type"], alert["highlight"])
            if at < len(journaled) and one == journaled[at]:
                at += 1
            elif at and one == journaled[at - 1]:
                again += 1
            else:
                tally.lost.append(f"{name}: {alert['type']} of {alert['highlight']['id']} out of order, or never journaled")
        if at < len(journaled):
            tally.lost.append(f"{name} has {at} of {len(journaled)} alerts")
        tally.repeats += again
    by_highlight: dict[str, list[str]] = {}
    for type_, highlight in journaled:
        by_highlight.setdefault(highlight["id"], []).append(type_)
    for highlight_id, types in by_highlight.items():
        if (types[0], types[-1], types.count("new"), types.count("end")) != ("new", "end", 1, 1):
            tally.lost.append(f"{highlight_id} was told as {types}")
