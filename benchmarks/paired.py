"""Comparisons side by side: what is compared takes turns, so that whatever else the machine does strikes all alike."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

from benchmarks.report import Spread

REPOSITORY = Path(__file__).resolve().parents[1]
_POLL_SECONDS = 0.05

T = TypeVar("T")


@dataclass(frozen=True)
class Cost:
    """``cpu_seconds``: user and system, all threads and children. ``peak_mb``: the most that was resident; None: unknown."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float | None = None
    rss_mb: Sequence[tuple[float, float]] = field(default=(), repr=False)
    """(seconds since its start, resident MB), twenty a second."""
    said: str = field(default="", repr=False)
    """Its standard output."""


class ChildFailedError(RuntimeError):
    """A program that was to be measured ended otherwise than it should."""


def alternate(variants: Mapping[str, Callable[[], T]], *, rounds: int, warmups: int = 1) -> dict[str, list[T]]:
    """What each variant gave in each round: A B A B …, after ``warmups`` rounds that do not count."""
    results: dict[str, list[T]] = {name: [] for name in variants}
    for number in range(-warmups, rounds):
        for name, variant in variants.items():
            result = variant()
            if number >= 0:
                results[name].append(result)
    return results


def spread(values: Sequence[float]) -> Spread:
    return Spread.of(values)


def ratio(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Round by round, so that a slow moment that struck both cancels out. ValueError: not as many."""
    return Spread.of([a / b for a, b in zip(above, below, strict=True)])


def within(call: Callable[[], Any]) -> Cost:
    """What a call costs in this process, all threads together."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def available_cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def python(module: str, *arguments: str | Path) -> list[str]:
    """The command that runs a module of this repository."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def child(
    command: Sequence[str],
    *,
    stdin: IO[bytes] | int | None = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
    look: Callable[[int], object] | None = None,
) -> Cost:
    """Run a program to its end. ``look`` is given its process id twenty times a second, in another thread.

    ChildFailedError: an exit code other than 0, with the last line it said.
    """
    begun = time.perf_counter()
    process = subprocess.Popen(
        list(command),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=REPOSITORY,
        env=environment or surroundings(),
    )
    return Watched(process, begun, look).wait()


def surroundings() -> dict[str, str]:
    """The environment of a child: it finds this repository, and keeps its compiled modules as an installed program does."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(REPOSITORY)}


class Watched:
    """A running child whose memory is looked at. ``wait`` must be called once; it reads what the child says meanwhile.

    Not ``ru_maxrss``: on Linux that begins with the size of the process that forked.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", begun: float, look: Callable[[int], object] | None = None) -> None:
        self._process = process
        self._begun = begun
        self._look = look
        self._samples: list[tuple[float, float]] = []
        self._peak_mb: float | None = None
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()

    def wait(self, *, codes: Sequence[int] = (0,)) -> Cost:
        said: dict[str, bytes] = {}
        pipes = {"out": self._process.stdout, "err": self._process.stderr}
        readers = [threading.Thread(target=_read, args=(pipe, name, said)) for name, pipe in pipes.items() if pipe is not None]
        for reader in readers:
            reader.start()
        _, status, usage = os.wait4(self._process.pid, 0)
        wall_seconds = time.perf_counter() - self._begun
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._ended.set()
        for thread in (*readers, self._sampler):
            thread.join()
        if self._process.returncode not in codes:
            lines = said.get("err", b"").decode(errors="replace").strip().splitlines()
            raise ChildFailedError(f"exit code {self._process.returncode}: {lines[-1] if lines else 'it said nothing'}")
        out = said.get("out", b"").decode(errors="replace")
        return Cost(wall_seconds, usage.ru_utime + usage.ru_stime, self._peak_mb, self._samples, out)

    def _sample(self) -> None:
        while True:
            if self._look is not None:
                self._look(self._process.pid)
            sizes = sizes_mb(self._process.pid)
            if sizes is not None:
                peak_mb, rss_mb = sizes
                self._peak_mb = max(self._peak_mb or 0.0, peak_mb)
                self._samples.append((time.perf_counter() - self._begun, rss_mb))
            if self._ended.wait(_POLL_SECONDS):
                return


def _read(pipe: IO[bytes], name: str, said: dict[str, bytes]) -> None:
    with pipe:
        said[name] = pipe.read()


def sizes_mb(pid: int | str) -> tuple[float, float] | None:
    """Peak and present resident MB of a process, the kernel's own count; None where it has ended or there is no /proc."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    sizes = {key: rest.split()[0] for key, _, rest in (line.partition(":") for line in lines) if key in ("VmHWM", "VmRSS")}
    return (int(sizes["VmHWM"]) / 1024, int(sizes["VmRSS"]) / 1024) if len(sizes) == 2 else None


def cpu_seconds(pid: int) -> float | None:
    """User and system seconds of a process, of its ended threads too; None where it has ended or there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
