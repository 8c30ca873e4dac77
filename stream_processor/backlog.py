"""The queue between demuxing and decoding, bounded in seconds of media, and in packets where timestamps stand still.

Files, pipes, VOD and the demo wait for room and lose nothing. A live stream never waits: when decoding is behind, the picture
is dropped up to the next keyframe that fits (the sound stays, it is cheap), counted, and shown. Only the analysis thins out:
the packet ring has every packet already.
"""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

from stream_processor.records import Epoch, Packet

_MOST_SOUND = 2.0
"""Sound may fill the queue to this multiple of its bound before it is dropped too."""

_SLACK_SECONDS = 1.0
"""How much more than what is left of the opening may be in the queue while that is worked off."""

_MOST_PACKETS_A_SECOND = 500
"""More than any stream has: a queue of so many is full whatever its timestamps say."""


@dataclass(frozen=True)
class Begin:
    """An epoch begins; ``codecs`` (``templates.Codecs``) decode what follows."""

    epoch: Epoch
    codecs: Any


@dataclass(frozen=True)
class End:
    """The epoch that was open is over."""


Item = Begin | End | Packet


class Backlog:
    """Thread-safe; one thread puts, one takes. ``dropped`` counts packets that were not analysed.

    ``opening_seconds``: a live stream's bound until the first packet is taken, while the scorers still load. What is then in
    the queue is worked off; the bound comes down with it.
    """

    def __init__(self, seconds: float, *, lossless: bool, opening_seconds: float = 0.0) -> None:
        self._least_seconds = seconds
        self._seconds = max(seconds, opening_seconds)
        self.lossless = lossless
        """Set by the demuxing thread alone, where only an opened stream tells whether it is live."""
        self._items: deque[tuple[Item, float]] = deque()  # each with where it lies
        self._epoch_starts_at = 0.0  # where, in seconds of media put so far: the time between epochs takes no room
        self._newest_at = 0.0
        self._skipping = False
        self._closed = False
        self._changed = threading.Condition(threading.RLock())
        self.dropped = 0

    def put(self, item: Item) -> bool:
        """False: dropped, or closed. Begin and End always fit."""
        with self._changed:
            at = self._newest_at
            if isinstance(item, Begin):
                self._skipping = False
                self._epoch_starts_at = at
            elif isinstance(item, Packet):
                at = self._epoch_starts_at + item.seconds
                if self.lossless:
                    self._changed.wait_for(lambda: self._closed or self._fill_seconds(at) <= self._least_seconds)
                elif not self._fits(item, at):
                    self.dropped += 1
                    return False
            if self._closed:
                return False
            self._items.append((item, at))
            self._newest_at = max(self._newest_at, at)
            self._changed.notify_all()
            return True

    def wait_for_something(self) -> bool:
        """Wait until there is something to take. False: closed, and nothing ever came."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._items))
            return bool(self._items)

    def take(self) -> Item | None:
        """The oldest item, waiting for one; None once closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._items))
            if not self._items:
                return None
            item, _ = self._items.popleft()
            if self._seconds > self._least_seconds:
                self._seconds = max(self._least_seconds, min(self._seconds, self._fill_seconds(self._newest_at) + _SLACK_SECONDS))
            self._changed.notify_all()
            return item

    @property
    def waits_for_keyframe(self) -> bool:
        """All that is in was taken, and the picture goes on with the next keyframe only."""
        with self._changed:
            return self._skipping and not self._items

    def close(self) -> None:
        """Nothing more will be put. What is in is still taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Close, and drop what nobody took."""
        with self._changed:
            self._items.clear()
            self.close()

    def _fits(self, packet: Packet, at: float) -> bool:
        fill_seconds = self._fill_seconds(at)
        if packet.kind == "audio":
            return fill_seconds <= _MOST_SOUND * self._seconds
        if fill_seconds > self._seconds:
            self._skipping = True
        elif self._skipping and packet.is_key:
            self._skipping = False
        return not self._skipping

    def _fill_seconds(self, at: float) -> float:
        """How full the queue is before something that lies at ``at`` goes in."""
        if not self._items:
            return 0.0
        _, oldest_at = self._items[0]
        return max(at - oldest_at, len(self._items) / _MOST_PACKETS_A_SECOND)
