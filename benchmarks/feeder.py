"""A stream without end out of a file: its packets over and over, with rising timestamps, as MPEG-TS on standard output.

``python -m benchmarks.feeder FILE SECONDS``. As fast as the reader takes it; nothing is decoded. The file is held in memory.
"""

import os
import sys
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO, NamedTuple

import av

_LEAD_SECONDS = 10
"""Timestamps begin there, so that decoding times before the first picture are not negative."""


class Kept(NamedTuple):
    stream: int
    pts: int
    dts: int
    time_base: Fraction
    is_key: bool
    data: bytes


def feed(path: str, seconds: float, out: BinaryIO) -> None:
    """BrokenPipeError: the reader has had enough."""
    with av.open(path) as source, av.open(out, "w", format="mpegts") as output:
        wanted = (*source.streams.video, *source.streams.audio)
        streams = {stream.index: output.add_stream_from_template(stream) for stream in wanted}
        kept = [
            Kept(packet.stream.index, packet.pts, packet.dts, packet.time_base, packet.is_keyframe, bytes(packet))
            for packet in source.demux(*wanted)
            if packet.dts is not None and packet.pts is not None
        ]
        newest: dict[int, int] = {}
        for packet, shift in looped(kept, length(kept), seconds):
            if packet.dts + shift <= newest.get(packet.stream, -1):
                continue  # sound never ends exactly with the picture
            newest[packet.stream] = packet.dts + shift
            output.mux(_packet(packet, shift, streams[packet.stream]))


def length(packets: list[Kept]) -> Fraction:
    """Seconds from the first decoding time to where the longest stream's next packet would be due."""
    ends = []
    for stream in {packet.stream for packet in packets}:
        of_stream = [packet for packet in packets if packet.stream == stream]
        first, last = min(packet.dts for packet in of_stream), max(packet.dts for packet in of_stream)
        ends.append((last - first) * of_stream[0].time_base * Fraction(len(of_stream), max(len(of_stream) - 1, 1)))
    return max(ends)


def looped(packets: list[Kept], length_seconds: Fraction, seconds: float) -> Iterator[tuple[Kept, int]]:
    """Each packet, over and over, with what is to be added to its timestamps, until ``seconds`` have been given out."""
    offset = Fraction(_LEAD_SECONDS)
    while offset - _LEAD_SECONDS < seconds:
        for packet in packets:
            if packet.dts * packet.time_base + offset - _LEAD_SECONDS >= seconds:
                return
            yield packet, round(offset / packet.time_base)
        offset += length_seconds


def _packet(kept: Kept, shift: int, stream: Any) -> Any:
    packet: Any = av.Packet(kept.data)
    packet.pts, packet.dts, packet.time_base = kept.pts + shift, kept.dts + shift, kept.time_base
    packet.is_keyframe = kept.is_key
    packet.stream = stream
    return packet


if __name__ == "__main__":
    try:
        feed(sys.argv[1], float(sys.argv[2]), sys.stdout.buffer)
    except BrokenPipeError:
        os._exit(1)  # without trying to write the rest
