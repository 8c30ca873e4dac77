"""More and more live channels in one process, until the cores no longer keep up."""

import json
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from benchmarks import material, watching
from benchmarks.material import Material
from benchmarks.paired import REPOSITORY, ChildFailedError, available_cores, cpu_seconds, python, sizes_mb, surroundings
from benchmarks.report import Cell, Report, RunSettings, Spread, Table

COUNTS, QUICK_COUNTS = (1, 2, 4, 8, 12, 16, 24, 32, 48), (1, 2)
FILE_SECONDS, QUICK_FILE_SECONDS = 40, 6
SETTLE_SECONDS, QUICK_SETTLE_SECONDS = 35.0, 5.0
"""From when all channels are live: opening, loading and warming up are over, and when it has been measured, rings are full."""
MEASURE_SECONDS, QUICK_MEASURE_SECONDS = 60.0, 25.0
LAG_GROWTH = 0.02
"""Seconds a second: a channel whose lag grows faster will drop frames sooner or later."""
_LIVE_SECONDS = 90.0
_END_SECONDS = 60.0


class Case(NamedTuple):
    name: str
    material: Material
    options: Sequence[str]


class Look(NamedTuple):
    """One progress line of one channel. ``at``: monotonic seconds."""

    at: float
    stream_seconds: float
    lag_seconds: float
    dropped: int


@dataclass(frozen=True)
class Step:
    """How so many channels went, while it was measured. One value for each channel where there are several."""

    channels: int
    wall_seconds: float
    cpu_seconds: float
    rss_mb: float
    lag_seconds: Sequence[float]
    lag_growth: Sequence[float]
    dropped: Sequence[int]
    speeds: Sequence[float]

    @property
    def keeps_up(self) -> bool:
        return not any(self.dropped) and max(self.lag_growth) <= LAG_GROWTH


def run(settings: RunSettings) -> Report:
    cases = [
        Case("720p30 H.264 at 3 Mb/s, light", material.H264_720P30, watching.LIGHT),
        Case("1080p60 H.264 at 6 Mb/s, light", material.H264_1080P60_B, watching.LIGHT),
        Case("1080p60 H.264 at 6 Mb/s, CLIP at 1 fps", material.H264_1080P60_B, watching.clip()),
    ]
    tables: list[Table] = []
    raw: dict[str, Any] = {}
    failures: list[str] = []
    for case in cases[:1] if settings.quick else cases:
        steps: list[Step] = []
        for count in QUICK_COUNTS if settings.quick else COUNTS:
            settings.say(f"growth: {case.name}, {count} channel{'s' if count > 1 else ''}")
            try:
                steps.append(_step(case, count, settings.quick))
            except ChildFailedError as error:
                if not steps:
                    raise
                failures.append(f"{case.name}, {count} channels: {error}.")
                break
            if not steps[-1].keeps_up:
                break
        tables.append(_table(case.name, steps))
        raw[case.name] = [asdict(step) for step in steps]
    return Report(
        "Growth: channels in one process",
        tables,
        notes=[
            "Each channel is a `listen:rtmp://` source with an encoder of its own at 1x on this machine, which costs CPU, too.",
            f"Keeps up: nothing dropped, and no channel's lag grows by more than {LAG_GROWTH:.0%} of the time. All are warm.",
            f"Of {available_cores()} cores. Memory per further channel: what the process has grown by since one channel.",
            *failures,
        ],
        raw=raw,
    )


def _table(name: str, steps: Sequence[Step]) -> Table:
    columns = ["channels", "keeps up", "cores busy", "CPU per channel, % of a core", "resident, MB", "MB per further channel"]
    columns += ["lag, s", "speed", "dropped per channel"]
    return Table(name, columns, [_row(step, steps[0]) for step in steps])


def _row(step: Step, one: Step) -> list[Cell]:
    busy = step.cpu_seconds / step.wall_seconds
    return [
        step.channels,
        "yes" if step.keeps_up else "no",
        busy,
        100 * busy / step.channels,
        step.rss_mb,
        (step.rss_mb - one.rss_mb) / (step.channels - one.channels) if step.channels > one.channels else None,
        Spread.of(step.lag_seconds),
        Spread.of(step.speeds),
        Spread.of(step.dropped),
    ]


# ---- one run ---------------------------------------------------------------------------------------------------------


def _step(case: Case, channels: int, quick: bool) -> Step:
    path = material.ready(case.material, QUICK_FILE_SECONDS if quick else FILE_SECONDS)
    settle, measure = (QUICK_SETTLE_SECONDS, QUICK_MEASURE_SECONDS) if quick else (SETTLE_SECONDS, MEASURE_SECONDS)
    with ExitStack() as stack:
        urls = [f"rtmp://127.0.0.1:{port}/live/channel-{place}" for place, port in enumerate(_free_ports(channels))]
        listener = stack.enter_context(_listening(urls, case.options))
        stack.enter_context(_broadcasting(urls, path, _LIVE_SECONDS + settle + measure))
        listener.wait_for(channels)
        time.sleep(settle)
        begun, cpu_before = time.monotonic(), cpu_seconds(listener.pid)
        time.sleep(measure)
        wall, cpu_after = time.monotonic() - begun, cpu_seconds(listener.pid)
        sizes = sizes_mb(listener.pid)
        if cpu_before is None or cpu_after is None or sizes is None:
            raise ChildFailedError(f"the program ended with {channels} channels: {listener.last_words()}")
        return summed_up(listener.looks(), begun, wall, cpu_after - cpu_before, sizes[1])


def summed_up(looks: Sequence[Sequence[Look]], begun: float, wall_seconds: float, cpu: float, rss_mb: float) -> Step:
    """``looks`` of each channel. Only those while it was measured count, of which there must be two."""
    spans = []
    for channel in looks:
        inside = [look for look in channel if begun <= look.at <= begun + wall_seconds]
        if len(inside) < 2:
            raise ChildFailedError("a channel said nothing of how it goes while it was measured")
        spans.append((inside[0], inside[-1]))
    return Step(
        channels=len(spans),
        wall_seconds=wall_seconds,
        cpu_seconds=cpu,
        rss_mb=rss_mb,
        lag_seconds=[last.lag_seconds for _, last in spans],
        lag_growth=[(last.lag_seconds - first.lag_seconds) / (last.at - first.at) for first, last in spans],
        dropped=[last.dropped - first.dropped for first, last in spans],
        speeds=[(last.stream_seconds - first.stream_seconds) / (last.at - first.at) for first, last in spans],
    )


class Listener:
    """The program, and its progress as it is said, by channel."""

    def __init__(self, process: "subprocess.Popen[bytes]", said: Path) -> None:
        self._process = process
        self._said = said
        self._looks: dict[str, list[Look]] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def looks(self) -> list[list[Look]]:
        return list(self._looks.values())

    def last_words(self) -> str:
        lines = self._said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def wait_for(self, channels: int) -> None:
        """Until so many have been scored. ChildFailedError: not all have."""
        give_up_at = time.monotonic() + _LIVE_SECONDS
        while sum(looks[-1].stream_seconds > 0 for looks in self._looks.values()) < channels:
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                raise ChildFailedError(f"{channels} channels do not go live: {self.last_words()}")
            time.sleep(0.2)

    def close(self) -> None:
        """Once the program has ended."""
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout:
            self._hear(self._process.stdout)

    def _hear(self, lines: IO[bytes]) -> None:
        for text in lines:
            line: dict[str, Any] = json.loads(text)
            if line["type"] == "progress":
                look = Look(time.monotonic(), line["stream_seconds"], line["lag_seconds"], line.get("dropped", 0))
                self._looks.setdefault(line["channel"], []).append(look)


@contextmanager
def _listening(urls: Sequence[str], options: Sequence[str]) -> Iterator[Listener]:
    streams = [part for url in urls for part in ("--stream", f"listen:{url}")]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "stderr").open("wb") as said:
        command = python("stream_processor", *streams, *options, "--output", Path(folder) / "clips", "--ui", "json")
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, cwd=REPOSITORY, env=surroundings())
        listener = Listener(process, Path(said.name))
        try:
            yield listener
            process.terminate()
            with suppress(subprocess.TimeoutExpired):  # it was given more than it can do
                process.wait(_END_SECONDS)
        finally:
            process.kill()
            process.wait()
            listener.close()


@contextmanager
def _broadcasting(urls: Sequence[str], path: Path, seconds: float) -> Iterator[None]:
    command = python("benchmarks.broadcasters", path, str(seconds), *urls)
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=REPOSITORY, env=surroundings())
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(probe.getsockname()[1]) for probe in probes]
