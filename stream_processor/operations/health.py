"""What alive, ready and hanging mean, from what the channels' statuses say. Pure: it looks when it is told to, by a given clock.

- alive: the event loop turns. It looks here at every beat; whoever asks, from any thread, sees how long ago that was.
- ready: packets arrive and are scored, on every channel that has not ended. One that waits for its stream is not ready, and well.
- hanging: there is stream to score, nothing keeps it from being scored, and nothing is. A restart helps here, and only here:
  a channel that waits for its stream or for a keyframe, a disk that refuses the journal, or scorers that still load are no
  reason for one.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from stream_processor.redact import redact
from stream_processor.settings import HealthSettings
from stream_processor.status import ChannelStatus, State

LONGEST_BEAT_SECONDS = 5.0
"""Of a longer time between two looks only so much is held against a channel: the machine was suspended, perhaps."""
BEHIND_PANES = 3.0
"""So many panes may lie between reading and scoring without anything being wrong: decoders and queues hold some back."""


class Verdict(NamedTuple):
    """``lines`` say why, for people: without secrets, and none for what is as it should be but for ``ready``'s channels."""

    ok: bool
    lines: tuple[str, ...]


class Vital(NamedTuple):
    """One channel as it was at the last look. ``*_at`` are monotonic seconds; ``hanging_seconds`` without suspensions."""

    status: ChannelStatus
    state: State
    newest_seconds: float
    scored: int
    packets_at: float
    scored_at: float
    hanging_seconds: float


class Health:
    """``look`` belongs to the event loop; everything else may be asked by any thread."""

    def __init__(self, settings: HealthSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._beat_at = clock()
        self._vitals: tuple[Vital, ...] = ()

    def look(self, channels: Sequence[ChannelStatus]) -> float:
        """The event loop turns, and this is how its channels are. Returns the seconds since the look before."""
        now = self._clock()
        passed = now - self._beat_at
        before = {vital.status.channel: vital for vital in self._vitals}
        self._vitals = tuple(_look(status, before.get(status.channel), now, passed) for status in channels)
        self._beat_at = now
        return passed

    def alive(self) -> Verdict:
        """Does the event loop turn?"""
        age = self._clock() - self._beat_at
        if age <= self._settings.loop_seconds:
            return Verdict(True, ())
        return Verdict(False, (f"the event loop has stood still for {age:.0f} s (health.loop_seconds)",))

    def ready(self) -> Verdict:
        """Do packets arrive, and are they scored? A line for each channel."""
        alive, now = self.alive(), self._clock()
        channels = [self._channel_ready(vital, now) for vital in self._vitals]
        open_ = [is_ready for is_ready, _ in channels if is_ready is not None]
        lines = (*alive.lines, *(line for _, line in channels)) or ("nothing is watched yet",)
        return Verdict(alive.ok and bool(open_) and all(open_), lines)

    def is_ready(self, channel: str) -> bool:
        """The same of one channel."""
        now = self._clock()
        return any(bool(self._channel_ready(vital, now)[0]) for vital in self._vitals if vital.status.channel == channel)

    def hanging(self) -> dict[str, str]:
        """Channel -> what is wrong, for those whose stream is not scored any more though nothing keeps it from being."""
        return {
            vital.status.channel: f"packets wait, and nothing was scored for {vital.hanging_seconds:.0f} s"
            for vital in self._vitals
            if vital.hanging_seconds >= self._settings.hang_seconds + vital.status.pane_seconds
        }

    def _channel_ready(self, vital: Vital, now: float) -> tuple[bool | None, str]:
        """None: it has ended, and counts no more."""
        status, most = vital.status, self._settings.ready_seconds
        name = f"{status.channel}: {vital.state}"
        if vital.state == "ended":
            return None, name
        if vital.state != "live":
            return False, _one_line(f"{name} ({status.detail})" if status.detail else name)
        packets, scored = now - vital.packets_at, now - vital.scored_at
        if packets > most:
            return False, f"{name}, but no packet came for {packets:.0f} s"
        if scored > most + status.pane_seconds:
            return False, f"{name}, but nothing was scored for {scored:.0f} s{_why(status)}"
        if not vital.scored:
            return False, f"{name}, nothing is scored yet"
        return True, f"{name}, newest packet {packets:.1f} s ago, scored {scored:.1f} s ago"


def _look(status: ChannelStatus, before: Vital | None, now: float, passed: float) -> Vital:
    if before is None or before.status is not status or before.state != status.state:
        scored_at = before.scored_at if before is not None and before.status is status else now
        return Vital(status, status.state, status.newest_seconds, status.scored, now, scored_at, 0.0)
    has_packets, has_scored = status.newest_seconds > before.newest_seconds, status.scored != before.scored
    waits_for_scores = (
        status.state == "live"
        and not has_scored
        and not status.is_held
        and not status.waits_for_keyframe
        and bool(status.scorers)  # they are loaded
        and status.newest_seconds - status.stream_seconds > BEHIND_PANES * status.pane_seconds
    )
    return Vital(
        status,
        status.state,
        status.newest_seconds,
        status.scored,
        now if has_packets else before.packets_at,
        now if has_scored else before.scored_at,
        before.hanging_seconds + min(passed, LONGEST_BEAT_SECONDS) if waits_for_scores else 0.0,
    )


def _why(status: ChannelStatus) -> str:
    """What keeps it from being scored, as far as that is known."""
    if status.is_held:
        return ": decisions wait for the journal"
    if not status.scorers:
        return ": the scorers still load"
    return ": analysis was behind and waits for a keyframe" if status.waits_for_keyframe else ""


def _one_line(text: str) -> str:
    return redact(" ".join("".join(character if character.isprintable() else " " for character in text).split()))
