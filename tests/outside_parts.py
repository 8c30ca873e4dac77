"""Parts as somebody else would write them, outside the program: named in settings as ``tests.outside_parts:Class``."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stream_processor.clipping.cut import CutJob, FfmpegCutter
from stream_processor.contracts import Memory
from stream_processor.peaks import PercentilePeaks
from stream_processor.records import Clip, Event, Pane, Samples
from stream_processor.saliency import RobustZ


class Brightness:
    """Mean luma, 0 to ``scale``."""

    signal = "brightness"

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale

    def start(self) -> Memory:
        return None

    def score(self, batch: Sequence[tuple[Memory, Pane]]) -> Sequence[Samples]:
        frames = [pane.frames for _, pane in batch]
        return [Samples.none() if each is None else Samples(each.times, self._mean(each)) for each in frames]

    def _mean(self, frames: Any) -> Any:
        return self._scale * frames.luma.mean(axis=(1, 2)) / 255


class Normaliser(RobustZ):
    def __init__(self, weights: Any, history_seconds: float, note: str) -> None:
        super().__init__(weights, history_seconds)
        Path(note).write_text(",".join(weights))


class Peaks(PercentilePeaks):
    def __init__(self, settings: Any, window: Any, identify: Any, note: str) -> None:
        super().__init__(settings, window, identify)
        Path(note).write_text(settings.smoothing)


class Cutter:
    def __init__(self, note: str) -> None:
        self._note = Path(note)
        self._inner = FfmpegCutter()

    def cut(self, job: CutJob) -> Clip:
        self._note.write_text(job.cut)
        return self._inner.cut(job)


class Sink:
    def __init__(self, note: str) -> None:
        self._note = Path(note)

    async def __aenter__(self) -> "Sink":
        return self

    async def __aexit__(self, *exc: object) -> None: ...

    async def deliver(self, event: Event) -> None:
        if event.is_alert:
            with self._note.open("a") as file:
                file.write(json.dumps([event.type, dict(event.payload["components"])]) + "\n")
