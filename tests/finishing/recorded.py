"""Evidence for steps' tests: what was recorded, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from stream_processor.finishing.draft import Draft
from stream_processor.records import Highlight, Samples, ScoredWindow


@dataclass(frozen=True)
class Recorded:
    """``traces``: name -> samples in stream seconds."""

    traces: Mapping[str, Samples] = field(default_factory=dict)
    bounds: tuple[float, float] = (0.0, 1000.0)

    def trace(self, name: str, start_seconds: float, end_seconds: float) -> Samples:
        trace = self.traces.get(name, Samples.none())
        inside = (trace.times >= start_seconds) & (trace.times < end_seconds)
        return Samples(trace.times[inside], trace.values[inside], None if trace.vectors is None else trace.vectors[inside])

    def windows(self, start_seconds: float, end_seconds: float) -> Sequence[ScoredWindow]:
        return ()

    def first_frame_after_cut(self, before_seconds: float, after_seconds: float) -> float | None:
        return None


def spoken(line: str, *, chunk_seconds: float = 0.032, start_seconds: float = 0.0) -> Samples:
    """A trace of speech drawn as a line, a character a chunk: ``#`` spoken, ``.`` quiet, ``~`` in between, a blank a hole."""
    values = {"#": 0.95, ".": 0.02, "~": 0.4}
    heard = [place for place, character in enumerate(line) if character != " "]
    return Samples(start_seconds + chunk_seconds * np.array(heard), np.array([values[line[place]] for place in heard]))


def draft(start_seconds: float, end_seconds: float, *, peak_seconds: float | None = None) -> Draft:
    """A clip of a highlight that is a second shorter at both ends, where there is room, with its peak in the middle."""
    peak = (start_seconds + end_seconds) / 2 if peak_seconds is None else peak_seconds
    highlight = Highlight("one", 0, min(start_seconds + 1, peak), max(end_seconds - 1, peak), peak, 1.0, 0.5, {}, {})
    return Draft(highlight, start_seconds, end_seconds)
