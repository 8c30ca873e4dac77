"""A flood: the real program with a slow scorer, encoders that send faster than it scores, and what /metrics says meanwhile."""

import contextlib
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.watched import DEADLINE_SECONDS, QUICK, wait_until
from tests.program import LIGHT, script, start

LOOK_SECONDS = 0.1
SETTLED_SECONDS = 2.0
"""Nothing is decided for so long, and for three times as long as ever before: nothing more comes."""
FPS = 5
QUEUE_SECONDS = 2.0
_SAMPLE = re.compile(r'^clip_highlights_(\w+?)(?:_total)?\{channel="([^"]+)"\} (\S+)$', re.MULTILINE)


@dataclass
class Program:
    """``samples``: what /metrics said, look by look: {(name, channel): value}."""

    process: "subprocess.Popen[bytes]"
    output: Path
    log: Path
    samples: list[dict[tuple[str, str], float]] = field(default_factory=list)
    _url: str = ""

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def look(self) -> dict[tuple[str, str], float]:
        """The numbers without labels of their own, once there is a port to ask."""
        assert self.process.poll() is None, self.said
        if not self._url:
            found = re.search(r"serves /metrics.* address=(\S+)", self.said)
            if found is None:
                return {}
            self._url = f"http://{found[1]}/metrics"
        with urllib.request.urlopen(self._url, timeout=60) as answer:
            text = answer.read().decode()
        self.samples.append({(name, channel): float(value) for name, channel, value in _SAMPLE.findall(text)})
        return self.samples[-1]

    def most(self, name: str) -> float:
        return max(value for sample in self.samples for (known, _), value in sample.items() if known == name)

    def last(self, name: str) -> dict[str, float]:
        return {channel: value for (known, channel), value in self.samples[-1].items() if known == name}

    def peak_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii", errors="replace")
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def end(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.said
        return self.said


@contextlib.contextmanager
def watching(
    folder: Path,
    urls: Sequence[str],
    seconds_a_frame: float,
    *,
    every: float,
    lively: float,
    analysis: dict[str, Any] | None = None,
) -> Iterator[Program]:
    """It waits for an encoder at each of the addresses."""
    options = {"seconds_a_frame": seconds_a_frame, "every_seconds": every, "lively_seconds": lively}
    sections: dict[str, dict[str, Any]] = {
        **QUICK,
        "motion": {"kind": "tests.faults.slow_parts:SlowScorer"},
        "motion.options": options,
        "analysis": {"fps": float(FPS), "queue_seconds": QUEUE_SECONDS, **(analysis or {})},
        "window": {"length_seconds": 2.0, "hop_seconds": 0.5},
        "clip": {"pre_roll_seconds": 2.0, "post_roll_seconds": 2.0},
    }
    config = script(folder, [], **sections)
    config.write_text(config.read_text().replace("lively = []\n", ""))
    streams = [word for url in urls for word in ("--stream", f"listen:{url}")]
    with (folder / "log.txt").open("wb") as said:
        process = start(
            *streams, *("--output", folder / "out", "--config", config, "--metrics", "127.0.0.1:0"), *LIGHT,
            stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
        )  # fmt: skip
    program = Program(process, folder / "out", folder / "log.txt")
    try:
        wait_until(lambda: program.said.count("waiting for an encoder") >= len(urls), "it listens")
        yield program
    finally:
        process.kill()
        process.wait()


def published(ffmpeg: Path, film: Path, urls: Sequence[str], *, pace: float, seconds: float) -> "subprocess.Popen[bytes]":
    """The film round and round to all of them, ``pace`` seconds of stream a second."""
    command = [ffmpeg, "-v", "error", "-nostdin", "-readrate", pace, "-stream_loop", "-1", "-i", film]
    for url in urls:
        command += ["-map", "0", "-c", "copy", "-t", seconds, "-f", "flv", url]
    return subprocess.Popen([str(word) for word in command], stderr=subprocess.DEVNULL)


def free_urls(count: int) -> list[str]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [f"rtmp://127.0.0.1:{probe.getsockname()[1]}/live/channel-{place}" for place, probe in enumerate(probes)]


def watch_until_over(program: Program, encoder: "subprocess.Popen[bytes]") -> float:
    """Looks on until the encoder has sent all, and whatever of it is judged at all is decided on. The seconds it took to send."""
    began = time.monotonic()
    while encoder.poll() is None:
        program.look()
        time.sleep(LOOK_SECONDS)
    sent = changed = time.monotonic()
    decided, longest = program.last("stream_seconds"), 0.0
    while (since := time.monotonic() - changed) < max(SETTLED_SECONDS, 3 * longest):
        assert time.monotonic() < sent + DEADLINE_SECONDS, program.said
        program.look()
        if program.last("stream_seconds") != decided:
            decided, longest, changed = program.last("stream_seconds"), max(longest, since), time.monotonic()
        time.sleep(LOOK_SECONDS)
    return sent - began
