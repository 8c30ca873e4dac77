"""How a channel does right now, by what its status said over the last ten seconds: how fast it is, and what it drops."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from stream_processor.status import ChannelStatus

_SPAN_SECONDS = 10.0


class Rate(NamedTuple):
    """``speed``: stream seconds per second. ``dropped``: so many packets and frames in the span."""

    speed: float
    dropped: int = 0


class Rates:
    """Used from one event loop. Remembers a span of each channel's past."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[float, float, int]]] = {}

    def look(self, channels: Sequence[ChannelStatus], now: float) -> dict[str, Rate]:
        """Name -> its rate, once there is a second to tell it from. ``now`` is monotonic seconds, and never less than before."""
        rates = {}
        for channel in channels:
            seen = self._seen.setdefault(channel.channel, deque())
            dropped = channel.frames_dropped + channel.packets_dropped
            if seen and channel.stream_seconds < seen[-1][1]:  # the next broadcast has begun
                seen.clear()
            seen.append((now, channel.stream_seconds, dropped))
            while len(seen) > 1 and now - seen[1][0] >= _SPAN_SECONDS:
                seen.popleft()
            then, stream_seconds, dropped_then = seen[0]
            if now - then >= 1:
                speed = (channel.stream_seconds - stream_seconds) / (now - then)
                rates[channel.channel] = Rate(speed, max(dropped - dropped_then, 0))
        return rates


def trouble(channel: ChannelStatus, rate: Rate | None) -> str:
    """What a person may have to look after, in a word; empty where all is well."""
    if channel.state in ("failed", "reconnecting"):
        return channel.state
    return "dropping" if rate is not None and rate.dropped else ""
