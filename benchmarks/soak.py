"""Hours of stream through faults at random, and what was promised held against what was counted.

``python -m benchmarks soak`` runs one night's worth of stream, ``--quick`` a quarter of an hour. With everything to choose::

    python -m benchmarks.soak --hours 8 --speed 20 --seed 7

The program listens for an encoder that has bad days (``soak_encoder``); meanwhile it is killed, ended, suspended, its broker is
killed, stopped and hung, its disk filled. The seed decides what strikes when; what it strikes at is decided by the machine.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from benchmarks import material, soak_report
from benchmarks.material import Material
from benchmarks.paired import REPOSITORY, python, surroundings
from benchmarks.report import Report, RunSettings, Skipped, markdown
from benchmarks.soak_files import Reader
from benchmarks.soak_observer import Observer, judge
from benchmarks.soak_report import Outcome, json_lines
from benchmarks.soak_stalls import seconds_to_notice
from benchmarks.soak_tally import tally
from benchmarks.soak_world import CHANNEL, PREFIX, Broker, Disk, Program, Subscriber, free_port

HOURS, QUICK_HOURS = 8.0, 0.25
SPEED = 20.0
"""Seconds of stream a second. What two cores cannot score at this pace is left out of the analysis; no clip loses by it."""
FAULT_EVERY_SECONDS = 8.0
"""Of the clock on the wall, on average."""
DISK_MB = 2000
SETTLE_SECONDS = 5.0
"""After a suspension: until the program, its lines and its health have found back."""
QUIET_SECONDS = 20.0
"""At the end: peace, in which everything that waits must come."""
SMALL = Material("320x180 H.264", "libx264", 320, 180, 15, 250_000, {"preset": "veryfast", "sc_threshold": "0"})
SETTINGS = {
    "novelty.kind": "light",
    "analysis.fps": 2,
    "analysis.height": 64,
    "nuisance.kind": "off",  # a short film that goes round and round is one
    "peaks.warmup_seconds": 20,
    "peaks.percentile": 80,
    "peaks.min_rise": 0.1,
    "peaks.ordinary_per_hour": 0,
    "peaks.max_seconds": 15,
    "source.read_timeout_seconds": 4,
    "ring.max_mb": 64,
    "output.min_free_mb": 1,
    "mqtt.prefix": PREFIX,
}
"""Many highlights, cheaply found: what is tried is how they survive, not how good they are."""


@dataclass
class World:
    program: Program
    broker: Broker
    disk: Disk
    chance: random.Random
    struck: Counter[str]

    def strike(self) -> None:
        names = [name for name in FAULTS if name != "disk full" or self.disk.can_be_filled]
        name = self.chance.choice(names)
        self.struck[name] += 1
        FAULTS[name](self)


def _kill(world: World) -> None:
    world.program.kill()
    world.program.start()


def _kill_early(world: World) -> None:
    """And once more, while it is starting."""
    _kill(world)
    time.sleep(world.chance.uniform(0.05, 2.0))
    _kill(world)


def _end(world: World) -> None:
    world.program.terminate()
    world.program.start()


def _broker_down(world: World, *, kill: bool) -> None:
    world.broker.stop(kill=kill)
    time.sleep(world.chance.uniform(0.2, 6.0))
    world.broker.start()


def _both_killed(world: World) -> None:
    world.program.kill()
    world.broker.stop(kill=True)
    world.broker.start()
    world.program.start()


FAULTS: Mapping[str, Callable[[World], None]] = {
    "program killed (SIGKILL)": _kill,
    "killed again while it starts": _kill_early,
    "program ended (SIGTERM)": _end,
    "program suspended": lambda world: world.program.suspend(world.chance.uniform(0.5, 6.0)),
    "broker restarted": lambda world: _broker_down(world, kill=False),
    "broker killed": lambda world: _broker_down(world, kill=True),
    "broker hangs": lambda world: world.broker.hang(world.chance.uniform(0.5, 6.0)),
    "program and broker killed": _both_killed,
    "disk full": lambda world: world.disk.fill(world.chance.uniform(0.5, 8.0)),
}


def run(settings: RunSettings) -> Report:
    """One night, or with ``--quick`` a quarter of an hour."""
    return soak(QUICK_HOURS if settings.quick else HOURS, SPEED, seed=1, say=settings.say)


def soak(hours: float, speed: float, *, seed: int, say: Callable[[str], None], keep: Path | None = None) -> Report:
    """``keep``: a folder that is not there yet, for the logs and all else. Skipped: there is no mosquitto."""
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if mosquitto is None:
        raise Skipped("mosquitto is not installed")
    path = material.ready(SMALL, 120)
    if keep is not None:
        keep.mkdir(parents=True)
    with tempfile.TemporaryDirectory() if keep is None else nullcontext(keep) as name:
        folder = Path(name).resolve()
        port, metrics_port = free_port(), free_port()
        broker = Broker(mosquitto, folder)
        disk = Disk(folder / "clips", DISK_MB)
        broker.start()
        url = f"rtmp://127.0.0.1:{port}/soak/key"
        options = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
        arguments = ["--stream", f"listen:{url}", "--output", disk.folder, "--mqtt", f"mqtt://127.0.0.1:{broker.port}"]
        arguments += ["--metrics", f"127.0.0.1:{metrics_port}", *options]
        world = World(Program(arguments, folder / "program.log"), broker, disk, random.Random(seed), Counter())
        encoder_log = folder / "encoder.jsonl"
        encoder = python("benchmarks.soak_encoder", url, path, f"{hours * 3600:.0f}", str(speed), str(seed), encoder_log)
        subscriber, reader, observer = Subscriber(broker.port), Reader(disk.folder / CHANNEL), Observer(metrics_port)
        begun = time.monotonic()
        try:
            _live_through(world, encoder, say)
            # What was half then may have been a file that was just replaced: only what still is there counts.
            half = [each for each in reader.half if (disk.folder / CHANNEL / each).exists()]
            sent = json_lines(encoder_log)
            outcome = Outcome(
                world.program,
                world.struck,
                tally(disk.folder, CHANNEL, subscriber.alerts),
                sent,
                seconds_to_notice(sent, json_lines(folder / "program.log")),
                judge(observer.answers, world.program.suspensions, SETTLE_SECONDS),
                observer.sums,
                files_read=reader.read,
                files_half=half,
                journal_mb=sum(each.stat().st_size for each in disk.folder.glob("journal*")) / 1e6,
                took_seconds=time.monotonic() - begun,
            )
        finally:
            observer.close()
            subscriber.close()
            reader.close()
            broker.stop()
            disk.close()
        return soak_report.report(outcome)


def _live_through(world: World, encoder: list[str], say: Callable[[str], None]) -> None:
    """To the end of the encoder's stream, then a while in peace, then the program's end in order, twice: the second recovers."""
    world.program.start()
    publishing = subprocess.Popen(encoder, cwd=REPOSITORY, env=surroundings())
    try:
        strike_at = time.monotonic() + 5.0
        said_at = 0.0
        while publishing.poll() is None:
            time.sleep(0.2)
            world.program.look()
            if time.monotonic() > strike_at:
                world.strike()
                strike_at = time.monotonic() + world.chance.expovariate(1 / FAULT_EVERY_SECONDS)
            if time.monotonic() - said_at > 60:
                said_at = time.monotonic()
                say(f"soak: {sum(world.struck.values())} faults so far, {world.program.kills} kills")
    finally:
        if publishing.poll() is None:
            publishing.kill()
        publishing.wait()
    for _ in range(2):
        deadline = time.monotonic() + QUIET_SECONDS
        while time.monotonic() < deadline:
            world.program.look()
            time.sleep(0.2)
        world.program.terminate()
        world.program.start()
    world.program.terminate()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--hours", type=float, default=HOURS, help="of stream")
    parser.add_argument("--speed", type=float, default=SPEED, help="seconds of stream a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="logs, journal, broker; clips too where they lie on a disk")
    asked = parser.parse_args()
    report = soak(asked.hours, asked.speed, seed=asked.seed, say=_say, keep=asked.keep)
    print(markdown(report))
    return int(bool(report.raw["broken"]))


if __name__ == "__main__":
    sys.exit(main())
