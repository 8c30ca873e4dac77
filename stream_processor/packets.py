# ruff: noqa: SLF001 - the ring and its readers are one thing in two classes
"""The ring of encoded packets: the last ``ring.seconds`` of the stream, from which clips are cut without re-encoding.

One thread appends; cutters read along with a ``RingReader``, which keeps what it has not read yet from being dropped.
Bound: ``seconds`` of stream, and ``max_mb`` of memory whatever readers want; what is dropped unread is counted.
"""

import threading
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple

from stream_processor.records import Packet
from stream_processor.settings import RingSettings


class RingState(NamedTuple):
    """``seconds`` of stream held, ``mb`` of memory, ``unread``: packets that were dropped before their reader came to them.

    ``pictures``: how many there were since the beginning, held or not.
    """

    seconds: float
    mb: float
    unread: int
    pictures: int


@dataclass
class _Entry:
    packet: Packet
    stream_seconds: float


class PacketRing:
    """Thread-safe. Packets carry an ever-rising sequence number, by which readers remember where they are."""

    def __init__(self, settings: RingSettings) -> None:
        self._seconds = settings.seconds
        self._max_bytes = int(settings.max_mb * 1e6)
        self._entries: deque[_Entry] = deque()
        self._first = 0  # sequence number of _entries[0]
        self._bytes = 0
        self._unread = 0
        self._pictures = 0
        self._ended_epoch = -1
        self._readers: set[RingReader] = set()
        self._changed = threading.Condition()

    def append(self, packet: Packet, stream_seconds: float) -> None:
        """``stream_seconds``: the packet's presentation time in stream time."""
        with self._changed:
            self._entries.append(_Entry(packet, stream_seconds))
            self._bytes += len(packet.data)
            self._pictures += packet.kind == "video"
            self._drop_oldest()
            self._changed.notify_all()

    def end_epoch(self, epoch: int) -> None:
        """No more packets of this epoch will come: its readers are at their end once they have read the rest."""
        with self._changed:
            self._ended_epoch = max(self._ended_epoch, epoch)
            self._changed.notify_all()

    def state(self) -> RingState:
        with self._changed:
            return RingState(self._span_seconds(), self._bytes / 1e6, self._unread, self._pictures)

    def reader(self, epoch: int, from_seconds: float, *, is_bystander: bool = False) -> "RingReader":
        """Read ``epoch`` from the last video keyframe at or before ``from_seconds`` (epoch time) that is still held.

        Where that is gone, from the oldest keyframe; without picture, from the oldest packet at or after it. Where packets
        were dropped unread, the picture goes on at the next keyframe. What a bystander has not read is no loss to anybody.
        """
        with self._changed:
            start, key = self._start_index(epoch, from_seconds)
            reader = RingReader(self, epoch, self._first + start, None if key is None else self._first + key)
            reader.is_bystander = is_bystander
            self._readers.add(reader)
            return reader

    def _start_index(self, epoch: int, from_seconds: float) -> tuple[int, int | None]:
        """Where to begin, and from which keyframe on to take the picture: sound may lie before its keyframe in the stream."""
        key: int | None = None
        sound: int | None = None
        for index, entry in enumerate(self._entries):
            packet = entry.packet
            if packet.epoch != epoch:
                continue
            if packet.kind == "audio" and sound is None and packet.end_seconds > from_seconds:
                sound = index
            if packet.kind == "video" and packet.is_key and (key is None or packet.seconds <= from_seconds):
                key = index
        if key is None:
            return (len(self._entries) if sound is None else sound), None
        key_seconds = self._entries[key].packet.seconds
        for index, entry in enumerate(self._entries):
            if index >= key:
                break
            if entry.packet.epoch == epoch and entry.packet.kind == "audio" and entry.packet.seconds >= key_seconds:
                return index, key
        return key, key

    def _drop_oldest(self) -> None:
        while len(self._entries) > 1:
            too_big = self._bytes > self._max_bytes
            waiting = [reader for reader in self._readers if reader.position <= self._first]
            if not too_big and (waiting or self._span_seconds() <= self._seconds):
                return
            self._unread += any(not reader.is_bystander for reader in waiting)
            self._bytes -= len(self._entries.popleft().packet.data)
            self._first += 1

    def _span_seconds(self) -> float:
        if not self._entries:
            return 0.0
        return self._entries[-1].stream_seconds - self._entries[0].stream_seconds


class RingReader:
    """One cutter's place in the ring. Close it, or use it as a context: while it is open it holds packets back."""

    def __init__(self, ring: PacketRing, epoch: int, position: int, keyframe: int | None) -> None:
        self._ring = ring
        self._epoch = epoch
        self._start = position
        self._start_keyframe = keyframe
        self._keyframe = keyframe  # the picture is read from this sequence number on; None: from the next keyframe on
        self.position = position
        """Sequence number of the next packet to read."""
        self.missed = 0
        """Packets that the ring had to drop before they were read here."""
        self.is_bystander = False

    def read(self, timeout_seconds: float = 0.0, most: int = 500) -> list[Packet] | None:
        """The next packets of the epoch, at most ``most``; empty when none came in time; None at the epoch's end."""
        ring = self._ring
        with ring._changed:
            ring._changed.wait_for(lambda: self._waiting() or self._at_end(), timeout_seconds)
            if self.position < ring._first:
                self.missed += ring._first - self.position
                self.position = ring._first
                self._keyframe = None
            packets: list[Packet] = []
            offset = self.position - ring._first
            while offset < len(ring._entries) and len(packets) < most:
                packet = ring._entries[offset].packet
                if packet.epoch > self._epoch:
                    break
                if packet.epoch == self._epoch and self._can_be_shown(packet, ring._first + offset):
                    packets.append(packet)
                offset += 1
            self.position = ring._first + offset
            if not packets and self._at_end():
                return None
            return packets

    def rewind(self) -> bool:
        """Back to the start; False, and no change, where the ring has dropped it already."""
        with self._ring._changed:
            if self._start < self._ring._first:
                return False
            self.position = self._start
            self._keyframe = self._start_keyframe
            return True

    def close(self) -> None:
        with self._ring._changed:
            self._ring._readers.discard(self)
            self._ring._changed.notify_all()

    def __enter__(self) -> "RingReader":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _can_be_shown(self, packet: Packet, sequence: int) -> bool:
        if self._keyframe is None and packet.kind == "video" and packet.is_key:
            self._keyframe = sequence
        return packet.kind == "audio" or (self._keyframe is not None and sequence >= self._keyframe)

    def _waiting(self) -> bool:
        ring = self._ring
        offset = max(self.position - ring._first, 0)
        return offset < len(ring._entries) and ring._entries[offset].packet.epoch <= self._epoch

    def _at_end(self) -> bool:
        ring = self._ring
        last = ring._entries[-1].packet.epoch if ring._entries else -1
        return not self._waiting() and (self._epoch <= ring._ended_epoch or last > self._epoch)
