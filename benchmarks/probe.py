"""The program with a few ears at its seams: ``python -m benchmarks.probe LOG ARGUMENTS-OF-main…``.

The log is JSON lines: moments (``type`` "state", four a second and channel), and what happened once ("first packet",
"first pane", "end"). ``at`` is ``time.monotonic()``, one clock for all processes of the machine. Threads carry their names into
/proc, for ``threads.ThreadTimes``. All that is measured goes to the file at once: a program that keeps figures grows by them.
"""

import ctypes
import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.paired import sizes_mb

_PR_SET_NAME = 15


class Probe:
    """Wraps public methods of the program's parts. ``timing``: also what each scorer costs the engine's thread."""

    def __init__(self, log: Path) -> None:
        self._file = log.open("w", encoding="utf-8", buffering=1)
        self._writing = threading.Lock()
        self._told: set[str] = set()
        self._timed: dict[int, Timed] = {}
        self.stream_seconds: dict[str, float] = {}

    def tell(self, type_: str, **facts: Any) -> None:
        with self._writing:
            self._file.write(json.dumps({"type": type_, "at": time.monotonic(), **facts}) + "\n")

    def once(self, type_: str, **facts: Any) -> None:
        if type_ not in self._told:
            self._told.add(type_)
            self.tell(type_, rss_mb=_rss_mb(), **facts)

    def listen(self) -> None:
        from stream_processor.engine import Engine
        from stream_processor.frames import PaneBuilder
        from stream_processor.packets import PacketRing
        from stream_processor.timeline import Timeline

        push, state, register, build = Timeline.push, PacketRing.state, Engine.register, PaneBuilder.__init__

        def heard_push(timeline: Any, raw: Any) -> Iterator[Any]:
            self.once("first packet")
            return push(timeline, raw)

        def heard_state(ring: Any) -> Any:
            found = state(ring)
            self.tell("state", rss_mb=_rss_mb(), ring_mb=found.mb, stream_seconds=sum(self.stream_seconds.values()))
            return found

        def heard_register(engine: Any, channel: str, scorers: Mapping[str, Any], deliver: Any, **options: Any) -> Any:
            def heard_deliver(pane: Any) -> Any:
                self.once("first pane")
                self.stream_seconds[channel] = pane.start_seconds + pane.duration_seconds
                return deliver(pane)

            timed = {signal: self._timed.setdefault(id(scorer), Timed(signal, scorer)) for signal, scorer in scorers.items()}
            return register(engine, channel, timed, heard_deliver, **options)

        def heard_build(builder: Any, shape: Any, **options: Any) -> None:
            self.tell("frames", frames_mb=shape.memory_mb)
            build(builder, shape, **options)

        for owner, name, heard in (
            (Timeline, "push", heard_push),
            (PacketRing, "state", heard_state),
            (Engine, "register", heard_register),
            (PaneBuilder, "__init__", heard_build),
        ):
            setattr(owner, name, heard)

    def end(self) -> None:
        scorers: dict[str, float] = {}
        for timed in self._timed.values():
            scorers[timed.name] = scorers.get(timed.name, 0.0) + timed.cpu_seconds
        self.tell("end", scorer_cpu_seconds=scorers, cpu_seconds=time.process_time())
        self._file.close()


class Timed:
    """A scorer, and the CPU seconds of the calling thread that went into its ``score``."""

    def __init__(self, name: str, scorer: Any) -> None:
        self.name = name
        self.scorer = scorer
        self.cpu_seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.scorer, name)

    def score(self, batch: Any) -> Any:
        begun = time.thread_time()
        try:
            return self.scorer.score(batch)
        finally:
            self.cpu_seconds += time.thread_time() - begun


def read_log(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _name_threads() -> None:
    """Give the kernel each thread's name. FFmpeg's threads have names of their own; helpers inherit that of who began them."""
    run = threading.Thread.run

    def named_run(thread: threading.Thread) -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_NAME, thread.name.encode()[:15], 0, 0, 0)
        run(thread)

    threading.Thread.run = named_run  # type: ignore[method-assign]


def _rss_mb() -> float | None:
    found = sizes_mb("self")
    return found[1] if found else None


def main() -> None:
    log, *arguments = sys.argv[1:]
    probe = Probe(Path(log))
    _name_threads()
    probe.listen()
    sys.argv = ["main", *arguments]
    from stream_processor.cli import main as watch

    try:
        watch()
    finally:
        probe.end()


if __name__ == "__main__":
    main()
