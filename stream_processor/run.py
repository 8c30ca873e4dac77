"""One run of a channel: from its stream's first frame to its end, judged by one set of windows, normaliser and detector."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stream_processor.deciding.judging import Judging
from stream_processor.windows import Windows


@dataclass(frozen=True)
class Run:
    """What decides in a run, and what its sidecars say of it. ``absent``: the signals that it has not had so far."""

    id: str
    is_live: bool
    parameters: Mapping[str, Any]
    windows: Windows
    detection: Judging
    absent: Callable[[], Sequence[str]]
