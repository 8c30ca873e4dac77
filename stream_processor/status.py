"""What a channel looks like right now, for dashboards: written by its pipeline in the event loop, read there by the faces."""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

State = Literal["connecting", "waiting", "live", "reconnecting", "ended", "failed"]


class Point(NamedTuple):
    """One decided window: ``seconds`` is its start in stream time, ``score`` and ``threshold`` what was compared."""

    seconds: float
    score: float
    threshold: float


@dataclass
class HighlightRow:
    """A highlight as people see it. ``clip`` is a file name, a reason why there is none, or empty while it is being made."""

    id: str
    start_seconds: float
    end_seconds: float
    score: float
    reason: str
    clip: str = ""
    written: bool = False
    opened_at: float = 0.0
    """Monotonic seconds: what is newest among several channels."""


@dataclass
class ChannelStatus:
    """Mutable, and owned by one event loop. Units are in the names; ``*_dropped`` count since the start of the run."""

    channel: str
    source: str
    """Redacted."""
    started_at: float
    """Monotonic seconds."""
    state: State = "connecting"
    detail: str = ""
    """What a long wait waits for, or why it failed, in a few words."""
    stream_seconds: float = 0.0
    """Scored so far, in stream time."""
    total_seconds: float | None = None
    """Length of a file, where known."""
    lag_seconds: float = 0.0
    """Newest packet to newest scored pane, in stream seconds."""
    scorers: dict[str, str] = field(default_factory=dict)
    """Signal -> the kind that measures it, e.g. novelty -> light."""
    values: dict[str, float] = field(default_factory=dict)
    """Signal -> mean over the newest window that was decided, in the signal's unit."""
    deviations: dict[str, float] = field(default_factory=dict)
    """Signal -> how unusual that is."""
    warmup_left_seconds: float = 0.0
    curve: deque[Point] = field(default_factory=lambda: deque(maxlen=600))
    highlights: deque[HighlightRow] = field(default_factory=lambda: deque(maxlen=50))
    panes: int = 0
    windows: int = 0
    highlights_opened: int = 0
    clips_written: int = 0
    clips_lost: int = 0
    frames_dropped: int = 0
    packets_dropped: int = 0
    reconnects: int = 0
    epochs: int = 0
    ring_seconds: float = 0.0
    ring_mb: float = 0.0
    ring_max_mb: float = 0.0
    sinks: dict[str, str] = field(default_factory=dict)
    """Sink -> connected, waiting (reason), off."""
    outbox_waiting: int = 0
    """Alerts that some sink has not taken yet, of all channels together."""
