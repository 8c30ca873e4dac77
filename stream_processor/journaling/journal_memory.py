"""What this process would have to write again if its journal were damaged beyond reading: all that is still going on.

Runs that have not ended with their last epochs, highlights that have not, how far each sink is, and the last alerts.
Bounds: ``_MAX_EPOCHS`` for each run, ``_MAX_ALERTS``; the rest is as many as there are channels and open highlights.
"""

from collections import deque
from dataclasses import dataclass, field

from stream_processor.journaling.ledger import Ledger
from stream_processor.journaling.rows import Run, SavedHighlight
from stream_processor.records import Epoch

_MAX_EPOCHS = 64
_MAX_ALERTS = 256


@dataclass
class Memory:
    """Kept by the journal's thread alone. ``alerts``: sequence, type, channel, payload as JSON, UTC seconds."""

    runs: dict[str, Run] = field(default_factory=dict)
    epochs: dict[str, deque[Epoch]] = field(default_factory=dict)
    highlights: dict[str, SavedHighlight] = field(default_factory=dict)
    cursors: dict[str, int] = field(default_factory=dict)
    held: dict[tuple[str, str], int] = field(default_factory=dict)
    alerts: deque[tuple[int, str, str, str, float]] = field(default_factory=lambda: deque(maxlen=_MAX_ALERTS))
    last_sequence: int = 0

    def begin_run(self, run: Run) -> None:
        self.runs[run.id] = run
        self.epochs[run.id] = deque(maxlen=_MAX_EPOCHS)

    def end_run(self, run_id: str) -> None:
        self.runs.pop(run_id, None)
        self.epochs.pop(run_id, None)

    def epoch(self, run_id: str, epoch: Epoch) -> None:
        if run_id in self.epochs:
            self.epochs[run_id].append(epoch)

    def highlight(self, saved: SavedHighlight) -> None:
        if saved.state == "done":
            self.highlights.pop(saved.highlight.id, None)
        else:
            self.highlights[saved.highlight.id] = saved

    def alert(self, sequence: int, type: str, channel: str, payload: str, created_at: float) -> None:
        self.alerts.append((sequence, type, channel, payload, created_at))
        self.last_sequence = max(self.last_sequence, sequence)

    def moved(self, sink: str, sequence: int) -> None:
        self.cursors[sink] = sequence
        self.last_sequence = max(self.last_sequence, sequence)

    def holds(self, sink: str, channel: str, sequence: int) -> None:
        self.held[sink, channel] = sequence

    def releases(self, sink: str, channel: str) -> None:
        self.held.pop((sink, channel), None)

    def expire(self, created_before: float) -> None:
        while self.alerts and self.alerts[0][-1] < created_before:
            self.alerts.popleft()

    def write(self, ledger: Ledger) -> None:
        """Into one that may hold some of it already. Within a transaction of the caller's."""
        for run in self.runs.values():
            ledger.add_run(run)
        for run_id, epochs in self.epochs.items():
            for epoch in epochs:
                ledger.add_epoch(run_id, epoch)
        for saved in self.highlights.values():
            ledger.forget_highlight(saved.run_id, saved.highlight.id)
            ledger.save_highlight(saved)
        for alert in self.alerts:
            ledger.put_alert(*alert)
        ledger.begin_sequence(self.last_sequence)
        for sink, sequence in self.cursors.items():
            ledger.move_cursor(sink, sequence)
        for (sink, channel), sequence in self.held.items():
            ledger.hold(sink, channel, sequence)
