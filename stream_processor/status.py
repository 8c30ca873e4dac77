"""What a channel looks like right now, for dashboards: written by its pipeline in the event loop, read there by the faces."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

State = Literal["connecting", "waiting", "live", "reconnecting", "ended", "failed"]
STATES: tuple[State, ...] = get_args(State)

ClipOutcome = Literal["written", "incomplete", "not_kept", "lost_disk", "lost_ring", "lost_impossible", "lost_failed"]
"""What becomes of a closed highlight, as it is counted; ``clip_outcome.Loss`` says what the losses mean."""
CLIP_OUTCOMES: tuple[ClipOutcome, ...] = get_args(ClipOutcome)


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
    """Mutable, and owned by one event loop. Units are in the names; all that is counted is so since the broadcast's beginning.

    Other threads may read it, too: its dictionaries are replaced or have fixed keys, and never grow in place, but for
    ``scorers``, ``curve`` and ``highlights``.
    """

    channel: str
    source: str
    """Redacted."""
    started_at: float
    """Monotonic seconds."""
    state: State = "connecting"
    detail: str = ""
    """What a long wait waits for, or why it failed, in a few words."""
    pane_seconds: float = 1.0
    """How much stream is scored at a time."""
    stream_seconds: float = 0.0
    """Scored so far, in stream time."""
    total_seconds: float | None = None
    """Length of a file, where known."""
    newest_seconds: float = 0.0
    """Read so far, in stream time."""
    lag_seconds: float = 0.0
    """Newest packet to newest scored pane, in stream seconds."""
    scorers: dict[str, str] = field(default_factory=dict)
    """Signal -> the kind that measures it, e.g. novelty -> light."""
    values: dict[str, float] = field(default_factory=dict)
    """Signal -> mean over the newest window that was decided, in the signal's unit."""
    deviations: dict[str, float] = field(default_factory=dict)
    """Signal -> how unusual that is."""
    warmup_left_seconds: float = 0.0
    standby_seconds: float = 0.0
    """Of stream, that showed a waiting screen and was not judged."""
    standby_until_seconds: float = 0.0
    """The end of its newest window, in stream time."""
    curve: deque[Point] = field(default_factory=lambda: deque(maxlen=600))
    highlights: deque[HighlightRow] = field(default_factory=lambda: deque(maxlen=50))
    panes: int = 0
    windows: int = 0
    highlights_opened: int = 0
    clips_written: int = 0
    clips_lost: int = 0
    clips_not_kept: int = 0
    """Highlights of which finishing steps keep no file."""
    outcomes: dict[ClipOutcome, int] = field(default_factory=lambda: dict.fromkeys(CLIP_OUTCOMES, 0))
    """The same in more detail."""
    frames: int = 0
    """Pictures that came, decoded or not."""
    frames_decoded: int = 0
    frames_skipped: int = 0
    """Pictures that nobody samples and nobody refers to: they need not be decoded."""
    frames_analysed: int = 0
    frames_late: int = 0
    """Decoded after their pane had been given away."""
    decode_errors: int = 0
    frames_dropped: int = 0
    packets_dropped: int = 0
    reconnects: int = 0
    reconnects_by_reason: dict[str, int] = field(default_factory=dict)
    scored: int = 0
    """Panes that were scored, decided on or not."""
    is_held: bool = False
    """Nothing is scored because decisions wait: for the journal, mostly, whose disk is full."""
    waits_for_keyframe: bool = False
    """Nothing is there to be scored: analysis was behind, and the picture goes on with the next keyframe."""
    scoring_seconds: dict[str, float] = field(default_factory=dict)
    """Signal -> what its scorer took, of a call for several channels this one's share."""
    scorer_errors: dict[str, int] = field(default_factory=dict)
    """Signal -> panes that its scorer failed on."""
    scorer_restarts: dict[str, int] = field(default_factory=dict)
    """Signal -> how often its scorer lost its memory of this channel by no fault of it."""
    step_failures: dict[str, int] = field(default_factory=dict)
    """Finishing step -> clips that were made without it, as it failed or took too long."""
    decision_failures: int = 0
    """Times that the normaliser or the detector failed, and deciding began anew."""
    restarts: int = 0
    """1: this broadcast follows one that failed, under --forever."""
    epochs: int = 0
    ring_seconds: float = 0.0
    ring_mb: float = 0.0
    ring_max_mb: float = 0.0
    sinks: dict[str, str] = field(default_factory=dict)
    """Sink -> connected, waiting (reason), off."""
    outbox_waiting: int = 0
    """Alerts that some sink has not taken yet, of all channels together."""
    alerts_expired: int = 0
    """Alerts that some sink never got, of all channels together, since the program's start."""
    earlier: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """What was counted on this channel in the process's broadcasts before this one (``counting``)."""
