"""Runs of the whole program as its users start it, in a process of its own, into a folder that is thrown away."""

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from benchmarks import clip_weights
from benchmarks.paired import Cost, child, python
from benchmarks.probe import read_log

LIGHT = ("--set", "novelty.kind=light", "--device", "cpu")


def clip() -> tuple[str, ...]:
    """CLIP once a second on the CPU, with weights of noise."""
    settings = {"kind": "clip", "model": clip_weights.MODEL, "pretrained": clip_weights.ready(), "fps": 1}
    return (*(part for key, value in settings.items() for part in ("--set", f"novelty.{key}={value}")), "--device", "cpu")


def watch(*arguments: str | Path) -> Cost:
    """The program's cost with these arguments."""
    with tempfile.TemporaryDirectory() as folder:
        return child(_command("stream_processor", *arguments, folder=folder))


def probed(
    *arguments: str | Path, stdin: IO[bytes] | int | None = subprocess.DEVNULL, look: Callable[[int], object] | None = None
) -> tuple[Cost, list[dict[str, Any]]]:
    """The same, heard by ``probe``: also its log."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "probe.jsonl"
        cost = child(_command("benchmarks.probe", log, *arguments, folder=folder), stdin=stdin, look=look)
        return cost, read_log(log)


def _command(module: str, *arguments: str | Path, folder: str) -> list[str]:
    return python(module, *arguments, "--output", Path(folder) / "clips", "--ui", "json")
