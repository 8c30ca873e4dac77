"""How soon a live stream's highlight is told, and how soon its clip is there, from the packet that was waited for."""

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks import material
from benchmarks.paired import REPOSITORY, python, surroundings
from benchmarks.publisher import Sent, read_log
from benchmarks.report import Report, RunSettings, Table
from stream_processor.peaks import PercentilePeaks
from stream_processor.records import Event
from stream_processor.settings import ClipSettings, PeaksSettings, WindowSettings

SECONDS, QUICK_SECONDS = 600, 90
PEAKS = PeaksSettings(warmup_seconds=0, percentile=50, min_rise=0.05, max_seconds=9, merge_gap_seconds=0, ordinary_per_hour=0)
"""Many highlights, short ones: what is measured is how soon they come, not how good they are."""
_END_SECONDS = 60.0


class Recorder:
    """A sink that writes down when each event reached it. ``file``: JSON lines."""

    def __init__(self, file: str) -> None:
        self._path = Path(file)

    async def __aenter__(self) -> Self:
        self._file = self._path.open("w", encoding="utf-8")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    async def deliver(self, event: Event) -> None:
        at = time.monotonic()
        if event.is_alert:
            self._file.write(json.dumps({"at": at, "type": event.type, "highlight": dict(event.payload)}) + "\n")
            self._file.flush()


def run(settings: RunSettings) -> Report:
    """One channel at 1x, 720p30 at 6 Mb/s, from an encoder on this machine."""
    seconds = QUICK_SECONDS if settings.quick else SECONDS
    path = material.ready(material.H264_720P30_6MB, 40)
    settings.say(f"latency: {seconds} s of live stream")
    with tempfile.TemporaryDirectory() as folder:
        sent, told, written = _watch_live(path, seconds, Path(folder))
    alerts = alert_delays(told, sent)
    clips = clip_delays(told, written, sent)
    waits = [after_packet - after_decision for after_packet, after_decision in clips]
    rows = [
        _row("alert `new`, after the last packet of the last window it needs", alerts),
        _row("clip under its final name, after the last packet of the window that closes it", [after for _, after in clips]),
        _row("the same, after the clip's own last packet", [after for after, _ in clips]),
        _row("`new`, after the highlight's start in the stream", start_delays(told, sent)),
    ]
    notes = [
        "From the encoder's write into the connection to the sink's receipt, and to the file system's own time of the renaming."
    ]
    if waits:
        notes.append(
            f"That a highlight is over is known {statistics.median(waits):.1f} s (median) after its clip's last packet: a window "
            "that is no longer lively, and the look-ahead of two more, must come first."
        )
    table = Table("Live at 1x, seconds", ["what", "count", "p50", "p99", "longest"], rows)
    return Report("Latency", [table], notes, {"alerts_seconds": alerts, "clips_seconds": clips})


# ---- what is measured ------------------------------------------------------------------------------------------------


def alert_delays(told: Sequence[Mapping[str, Any]], sent: Sequence[Sent]) -> list[float]:
    """For each ``new``: seconds from when the last window that the decision needed was complete."""
    return [
        alert["at"] - needed
        for alert in told
        if alert["type"] == "new" and (needed := _complete_at(_needed_seconds(_opening_end(alert)), sent)) is not None
    ]


def start_delays(told: Sequence[Mapping[str, Any]], sent: Sequence[Sent]) -> list[float]:
    return [
        alert["at"] - began
        for alert in told
        if alert["type"] == "new" and (began := _complete_at(alert["highlight"]["start_time"], sent)) is not None
    ]


def clip_delays(
    told: Sequence[Mapping[str, Any]], written: Mapping[str, float], sent: Sequence[Sent]
) -> list[tuple[float, float]]:
    """For each clip: seconds from its own last packet, and from when it could be known that the highlight was over.

    ``written``: file name -> ``time.monotonic()`` of its final name. What the stream's end closed is left out.
    """
    delays = []
    post_roll_seconds = ClipSettings().post_roll_seconds
    for alert in told:
        highlight = alert["highlight"]
        if alert["type"] != "end" or highlight["filename"] not in written:
            continue
        last_packet = _complete_at(highlight["end_time"] + post_roll_seconds, sent)
        over = _complete_at(_needed_seconds(_closing_end(highlight)), sent)
        if last_packet is not None and over is not None:
            at = written[highlight["filename"]]
            delays.append((at - last_packet, at - max(over, last_packet)))
    return delays


def _opening_end(alert: Mapping[str, Any]) -> float:
    """The end of the window that opened it: the last one that ``new`` names."""
    return float(alert["highlight"]["windows"][-1]["end_time"])


def _closing_end(highlight: Mapping[str, Any]) -> float:
    """The end of the window that closed it: the one after its last, since no gap is tolerated."""
    return float(highlight["windows"][-1]["end_time"]) + WindowSettings().hop_seconds


def _needed_seconds(window_end_seconds: float) -> float:
    """Up to where the stream must be seen, look-ahead included."""
    window = WindowSettings()
    look_ahead = PercentilePeaks(PEAKS, window, lambda epoch, number: "").look_ahead
    return window_end_seconds + look_ahead * window.hop_seconds


def _complete_at(seconds: float, sent: Sequence[Sent]) -> float | None:
    """When the stream up to ``seconds`` was out, in every kind that it has; None: it never was."""
    ats = []
    for kind in {packet.kind for packet in sent}:
        of_kind = [packet for packet in sent if packet.kind == kind]
        if of_kind[-1].seconds < seconds:
            return None
        ats.append(max(packet.at for packet in of_kind if packet.seconds < seconds))
    return max(ats, default=None)


def _row(name: str, delays: Sequence[float]) -> list[Any]:
    if not delays:
        return [name, 0, None, None, None]
    ordered = sorted(delays)
    return [name, len(ordered), statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))], ordered[-1]]


# ---- the run ---------------------------------------------------------------------------------------------------------


def _watch_live(path: Path, seconds: float, folder: Path) -> tuple[list[Sent], list[dict[str, Any]], dict[str, float]]:
    url = f"rtmp://127.0.0.1:{_free_port()}/live/key"
    recorded, log, output = folder / "events.jsonl", folder / "sent.log", folder / "out"
    values = PEAKS.model_dump(exclude_unset=True)
    config = folder / "latency.toml"
    config.write_text(
        "[peaks]\n"
        + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
        + '[novelty]\nkind = "light"\n[finishing]\nsteps = []\n'  # they wait for what follows the clip
        + f'[sinks.recorder]\nkind = "benchmarks.latency:Recorder"\noptions = {{ file = {json.dumps(str(recorded))} }}\n'
    )
    program = subprocess.Popen(
        python("stream_processor", "--stream", f"listen:{url}", "--output", output, "--config", config, "--ui", "plain"),
        stdout=subprocess.DEVNULL, stderr=None, cwd=REPOSITORY, env=surroundings(),
    )  # fmt: skip
    try:
        subprocess.run(
            python("benchmarks.publisher", url, path, str(seconds), log), cwd=REPOSITORY, env=surroundings(), check=True
        )
        program.terminate()
        program.wait(_END_SECONDS)
    finally:
        program.kill()
        program.wait()
    # The time of the renaming is the inode's change time, on the wall clock.
    to_monotonic = time.monotonic() - time.time()
    written = {clip.name: clip.stat().st_ctime + to_monotonic for clip in output.glob("*/*.mp4")}
    told = [json.loads(line) for line in recorded.read_text(encoding="utf-8").splitlines()]
    return read_log(log), told, written


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit("python -m benchmarks latency")
