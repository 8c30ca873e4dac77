"""The whole program on small recordings: in this process, or in one of its own where signals are the point."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from typer.testing import CliRunner

from stream_processor.cli import app
from tests.conftest import REPOSITORY

LIGHT = ("--set", "novelty.kind=light", "--device", "cpu", "--ui", "plain")


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def lines_said(self) -> str:
        return self.out + self.err


def run(*arguments: str | Path) -> Done:
    """``main`` with these arguments, here and now. Whatever is no exit of the program's own is raised."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    finally:
        root.handlers[:], root.level = handlers, level
        logging.captureWarnings(False)
        structlog.reset_defaults()
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def script(folder: Path, lively: Sequence[tuple[float, float]], **sections: dict[str, Any]) -> Path:
    """A configuration in which ``tests.scripted_scorer`` decides, with windows of 2 s every second and no warm-up."""
    settings: dict[str, dict[str, Any]] = {
        "motion": {"kind": "tests.scripted_scorer:Script", "weight": 1.0},
        "motion.options": {"lively": [list(interval) for interval in lively]},
        "novelty": {"kind": "light", "weight": 0.0},
        "loudness": {"weight": 0.0},
        "window": {"length_seconds": 2.0, "hop_seconds": 1.0},
        "peaks": {"warmup_seconds": 0.0, "smoothing": "none"},
    }
    for name, section in sections.items():
        settings.setdefault(name, {}).update(section)
    lines = [
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in section.items())
        for name, section in settings.items()
    ]
    path = folder / "script.toml"
    path.write_text("\n".join(lines))
    return path


def start(*arguments: str | Path, **options: Any) -> "subprocess.Popen[bytes]":
    """The same in a process of its own, its standard streams as pipes. ``env``: variables besides those that there are."""
    command = [sys.executable, "-m", "stream_processor", *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONFAULTHANDLER": "1", **options.pop("env", {})}
    return subprocess.Popen(command, cwd=REPOSITORY, env=env, **{**pipes, **options})


# ---- what a run leaves behind ----------------------------------------------------------------------------------------


def strict(text: str) -> Any:
    """JSON as the standard has it: no NaN, no Infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def sidecars(channel: Path) -> list[dict[str, Any]]:
    return [strict(path.read_text(encoding="utf-8")) for path in sorted(channel.glob("*.json"))]


def alerts(channel: Path) -> list[dict[str, Any]]:
    return [strict(line) for line in (channel / "alerts.jsonl").read_text(encoding="utf-8").splitlines()]


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
