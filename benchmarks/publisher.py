"""An encoder at work: publishes a recording at the pace at which it was made, round and round, and notes when each packet left.

``python -m benchmarks.publisher URL FILE SECONDS LOG``. A process of its own, because PyAV holds the interpreter's lock while an
output connects. The log has a line for each packet: kind, presentation time in stream seconds, ``time.monotonic()`` when it was
written to the connection, which on Linux is the same clock in every process.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import av.error

_CONNECT_SECONDS = 30.0
_RETRY_SECONDS = 0.1


class Sent(NamedTuple):
    kind: str
    seconds: float
    at: float


def publish(url: str, path: Path, seconds: float, log: Path) -> None:
    """av.error.FFmpegError: nobody took it, or the connection broke off."""
    with av.open(str(path)) as first, log.open("w", encoding="ascii") as lines:
        output, streams = _connected(url, _chosen(first))
        began = time.monotonic()
        for packet, dts_seconds in _round_and_round(path, seconds):
            wait_seconds = began + dts_seconds - time.monotonic()
            if wait_seconds > 0:
                time.sleep(wait_seconds)
            kind, pts_seconds = packet.stream.type, float(packet.pts * packet.time_base)
            packet.stream = streams[packet.stream.index]
            output.mux_one(packet)
            lines.write(f"{kind} {pts_seconds:.6f} {time.monotonic():.6f}\n")
        output.close()


def read_log(path: Path) -> list[Sent]:
    lines = (line.split() for line in path.read_text(encoding="ascii").splitlines())
    return [Sent(kind, float(seconds), float(at)) for kind, seconds, at in lines]


def _chosen(container: Any) -> list[Any]:
    return [stream for stream in (container.streams.best("video"), container.streams.best("audio")) if stream is not None]


def _connected(url: str, sources: Sequence[Any]) -> tuple[Any, dict[int, Any]]:
    """The output, and the stream in it for each of the sources. Tried again until somebody listens."""
    give_up_at = time.monotonic() + _CONNECT_SECONDS
    while True:
        output = av.open(url, "w", format="flv")
        streams = {source.index: output.add_stream_from_template(source) for source in sources}
        try:
            output.start_encoding()  # which connects
            return output, streams
        except (av.error.FFmpegError, OSError):
            if time.monotonic() > give_up_at:
                raise
            time.sleep(_RETRY_SECONDS)


def _round_and_round(path: Path, seconds: float) -> Iterator[tuple[Any, float]]:
    """Packets with rising timestamps, each with its decoding time in seconds from the start."""
    offset = Fraction(0)
    while offset < seconds:
        with av.open(str(path)) as container:
            length = Fraction(container.duration, av.time_base)
            for packet in container.demux(_chosen(container)):
                if packet.pts is None or packet.dts is None:
                    continue
                shift = int(offset / packet.time_base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                dts_seconds = float(packet.dts * packet.time_base)
                if dts_seconds > seconds:
                    return
                yield packet, dts_seconds
        offset += length


if __name__ == "__main__":
    url, path, seconds, log = sys.argv[1:]
    publish(url, Path(path), float(seconds), Path(log))
