"""The real program in a process of its own, fed through a pipe as slowly as a test likes, and what it has told so far."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import av

from tests.program import LIGHT, script, start, strict

DEADLINE_SECONDS = 60.0
QUICK: dict[str, dict[str, Any]] = {
    "peaks": {"warmup_seconds": 0.0, "smoothing": "none", "merge_gap_seconds": 1.0, "ordinary_per_hour": 0.0, "percentile": 50.0},
    "clip": {"pre_roll_seconds": 0.5, "post_roll_seconds": 0.5},
    "output": {"min_free_mb": 0.0},
    "finishing": {"steps": []},
    "nuisance": {"kind": "off"},
}
"""Every lively second is a highlight of its own, also of films that are shown again and again."""


def wait_until(holds: Callable[[], object], what: str | Callable[[], str], seconds: float = DEADLINE_SECONDS) -> None:
    """``what``: in words, or what says it when it has failed, so that it shows how things stand then."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"it never came to this: {what() if callable(what) else what}"
        time.sleep(0.02)


def in_pieces(stream: Path, seconds: float) -> list[bytes]:
    """A recording's bytes, cut before the keyframe of every so many seconds, however many bytes that takes."""
    data, cuts = stream.read_bytes(), [0]
    with av.open(str(stream)) as container:
        start = container.streams.video[0].start_time
        for packet in container.demux(video=0):
            if packet.is_keyframe and packet.pts is not None and packet.pos is not None:
                is_due = (packet.pts - start) * packet.time_base >= len(cuts) * seconds
                cuts += [packet.pos] if is_due else []
    return [data[begin:end] for begin, end in zip(cuts, [*cuts[1:], len(data)], strict=True)]


class Watched:
    """``said``: all that it has printed."""

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.output = folder / "out"
        self.channel = self.output / "pipe"
        self._log = folder / "log.txt"

    @property
    def said(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def says(self, words: str, times: int = 1) -> None:
        wait_until(
            lambda: self.said.count(words) >= times or self.process.poll() is not None, lambda: f"{words!r} in {self.said}"
        )
        assert self.said.count(words) >= times, self.said

    def feed(self, *pieces: bytes) -> None:
        assert self.process.stdin is not None
        for piece in pieces:
            self.process.stdin.write(piece)
        self.process.stdin.flush()

    def end(self) -> str:
        """The stream ends, and the program by itself; all that it said."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(DEADLINE_SECONDS) == 0, self.said
        return self.said

    def alerts(self) -> list[dict[str, Any]]:
        path = self.channel / "alerts.jsonl"
        if not path.exists():
            return []
        return [strict(line) for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]

    def ended(self) -> list[dict[str, Any]]:
        return [alert["highlight"] for alert in self.alerts() if alert["type"] == "end"]

    def tells(self, type: str, times: int) -> None:
        wait_until(
            lambda: sum(alert["type"] == type for alert in self.alerts()) >= times or self.process.poll() is not None,
            lambda: f"{times} alerts of type {type}: {self.said}",
        )


@contextmanager
def watched(folder: Path, lively: Sequence[tuple[float, float]], *arguments: str | Path, **sections: Any) -> Iterator[Watched]:
    """It runs until the block ends, whatever happens in it."""
    merged = {name: {**QUICK.get(name, {}), **sections.get(name, {})} for name in {*QUICK, *sections}}
    config = script(folder, lively, **merged)
    with (folder / "log.txt").open("ab") as said:
        process = start(
            *("--stream", "-", "--output", folder / "out", "--config", config),
            *LIGHT,
            *arguments,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Watched(folder, process)
    except AssertionError:
        process.send_signal(signal.SIGABRT)  # where does each thread stand?
        process.wait()
        print((folder / "log.txt").read_text(encoding="utf-8", errors="replace"))
        raise
    finally:
        process.kill()
        process.wait()
        if process.stdin is not None and not process.stdin.closed:
            with suppress(BrokenPipeError):
                process.stdin.close()
