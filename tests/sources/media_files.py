"""What the tests of all sources compare with: a file's own packets."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from stream_processor.demux import AvDemuxer, open_container
from stream_processor.records import RawPacket

MILLISECOND = 0.001


def packets_of(path: Path) -> list[RawPacket]:
    demuxer = AvDemuxer(open_container(str(path), name=path.name), name=path.name)
    try:
        return list(demuxer.packets())
    finally:
        demuxer.close()


def contents(packets: Iterable[RawPacket], kind: str) -> list[bytes]:
    return [packet.data for packet in packets if packet.kind == kind]


def times(packets: Iterable[RawPacket], kind: str) -> list[float]:
    """Presentation times in seconds, counted from the first of the kind."""
    seconds = [float(packet.pts * packet.time_base) for packet in packets if packet.kind == kind and packet.pts is not None]
    return [time - seconds[0] for time in seconds]


def assert_same_stream(got: list[RawPacket], expected: list[RawPacket]) -> None:
    """Packet for packet, byte for byte; times to FLV's rounding."""
    for kind in ("video", "audio"):
        assert contents(got, kind) == contents(expected, kind)
        for here, there in zip(times(got, kind), times(expected, kind), strict=True):
            assert abs(here - there) <= 2 * MILLISECOND


def publish(
    ffmpeg: Path, file: Path, url: str, *, seconds: float | None = None, begins_at_seconds: float = 0.0
) -> subprocess.Popen[bytes]:
    """Publish a file over RTMP without encoding it, as fast as the server takes it."""
    length = ["-output_ts_offset", str(begins_at_seconds)] + ([] if seconds is None else ["-t", str(seconds)])
    command = [str(ffmpeg), "-v", "error", "-nostdin", "-i", str(file), *length, "-c", "copy", "-f", "flv", url]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def publish_sound_first(ffmpeg: Path, file: Path, url: str, *, seconds: float) -> "subprocess.Popen[bytes]":
    """The same, but the picture begins so much later: what a server sends to who comes between two keyframes."""
    inputs = ["-i", str(file), "-itsoffset", str(seconds), "-i", str(file), "-map", "0:a", "-map", "1:v"]
    command = [str(ffmpeg), "-v", "error", "-nostdin", *inputs, "-c", "copy", "-f", "flv", url]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)
