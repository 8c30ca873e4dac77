"""Which frame of the file a sampled frame is: counted by packets, in the order in which they are shown.

Takes the place of the packet ring, since no packet is needed again: it sees every one before the decoder does. Only those are
remembered that are shown after the newest frame asked for, so the memory it takes does not grow with the video's length.
"""

import heapq
import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stream_processor.records import Packet


class FrameNumbers:
    """Thread-safe: one thread puts packets in, another asks. Counts from 0, on through epochs."""

    def __init__(self) -> None:
        self._ahead: dict[int, list[tuple[float, bool]]] = {}  # epoch -> heap of its frames' times, and are they hidden?
        self._counted = 0
        self._spans: dict[int, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def append(self, packet: Packet, stream_seconds: float) -> None:
        """As ``PacketRing.append``."""
        if packet.kind == "video":
            with self._lock:
                heapq.heappush(self._ahead.setdefault(packet.epoch, []), (packet.seconds, packet.is_hidden))
                if not packet.is_hidden:
                    first, last = self._spans.get(packet.epoch, (packet.seconds, packet.end_seconds))
                    self._spans[packet.epoch] = min(first, packet.seconds), max(last, packet.end_seconds)

    def end_epoch(self, epoch: int) -> None:
        """As ``PacketRing.end_epoch``: nothing to do, packets say their epoch."""

    def numbers(self, epoch: int, times: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Of the epoch's frames at these times (epoch seconds), which rise from call to call. int64 (n,); −1: never shown."""
        found = np.empty(len(times), np.int64)
        with self._lock:
            for older in [number for number in self._ahead if number < epoch]:
                self._counted += sum(not is_hidden for _, is_hidden in self._ahead.pop(older))
            ahead = self._ahead.get(epoch, [])
            for place, seconds in enumerate(times):
                while ahead and ahead[0][0] < seconds:
                    _, is_hidden = heapq.heappop(ahead)
                    self._counted += not is_hidden
                found[place] = -1 if ahead and ahead[0] == (seconds, True) else self._counted
        return found

    def span(self, epoch: int) -> tuple[float, float] | None:
        """Where the epoch's picture begins to be shown and ends, in epoch seconds; None: it has none."""
        with self._lock:
            return self._spans.get(epoch)

    @property
    def waiting(self) -> int:
        """How many are remembered."""
        with self._lock:
            return sum(map(len, self._ahead.values()))
