"""``python -m benchmarks``: runs benchmarks one after the other, prints their tables and keeps their figures."""

import argparse
import importlib
import json
import shlex
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.report import Report, RunSettings, Skipped, as_json, machine, machine_line, markdown

NAMES = {
    "floor": "the whole program against decoding alone",
    "textbook": "the engine against the loop people write first",
    "latency": "from the last packet to the alert and to the clip",
    "memory": "peak and slope over hours of stream",
    "growth": "channels in one process until the cores no longer keep up",
    "peers": "other programs on the same file, for scale",
    "gpu": "scoring and decoding on CUDA",
    "startup": "help, and the first scored pane",
    "flow": "optical flow: algorithms and sizes",
    "sieve": "the codec's own signals as a first sieve",
    "clip_runtimes": "CLIP's image tower under several runtimes",
    "quality": "how good the highlights are",
    "context": "how well clips hold what was planted: fixed rolls against the finishing step",
    "best": "main best on a 1080p30 recording: speed and memory",
    "soak": "hours of stream through faults at random: promised against counted",
}
OURS = ("stream_processor", "scorers", "sinks")


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parse(arguments)
    settings = RunSettings(quick=asked.quick, device=asked.device)
    facts = machine()
    print(f"# Benchmarks\n\n{machine_line(facts)}\n", flush=True)
    outcomes: dict[str, dict[str, Any]] = {}
    for name in asked.names or NAMES:
        outcomes[name] = outcome = _outcome(name, settings)
        print(outcome.pop("text"), flush=True)
        if asked.json is not None:
            _keep(asked.json, facts, outcomes)
    return int(any(outcome["status"] == "failed" for outcome in outcomes.values()))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", usage="python -m benchmarks [NAME…] [--json FILE] [--quick] [--device auto|cpu|cuda[:N]]",
        description="names:\n" + "\n".join(f"  {name:<14} {what}" for name, what in NAMES.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; none: all that can run here")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep all figures there")
    parser.add_argument("--quick", action="store_true", help="short and rough: does it work?")
    parser.add_argument("--device", default="auto", help="what scores, where a benchmark asks")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.names if name not in NAMES]
    if unknown:
        print(f"usage: no benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        sys.exit(2)
    return asked


def _outcome(name: str, settings: RunSettings) -> dict[str, Any]:
    """``status`` is done, skipped or failed; ``text`` is for the terminal."""
    begun = time.perf_counter()
    try:
        report: Report = _module(name).run(settings)
    except Skipped as reason:
        return {"status": "skipped", "reason": str(reason), "text": f"## {name}\n\nskipped: {reason}\n"}
    except Exception as error:  # a benchmark may fail in any way, and the others go on
        traceback.print_exc()
        why = f"{type(error).__name__}: {error}"
        return {"status": "failed", "reason": why, "text": f"## {name}\n\nfailed: {why}\n"}
    return {"status": "done", "seconds": time.perf_counter() - begun, **as_json(report), "text": markdown(report)}


def _module(name: str) -> ModuleType:
    """Skipped: it needs a package that is not installed."""
    try:
        return importlib.import_module(f"benchmarks.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in OURS:
            raise
        raise Skipped(f"{error.name} is not installed") from error


def _keep(path: Path, facts: dict[str, Any], outcomes: dict[str, dict[str, Any]]) -> None:
    """All there is so far, under its name at once: a run that is broken off keeps what it has measured."""
    document = {
        "machine": facts,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "benchmarks": outcomes,
    }
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.replace(path)


if __name__ == "__main__":
    sys.exit(main())
