"""An encoder that has bad days: publishes hours of stream faster than they last, and does to it what encoders and lines do.

``python -m benchmarks.soak_encoder URL FILE SECONDS SPEED SEED LOG``. It dials in again whenever it is cut off, with
timestamps that begin at zero, as OBS does. The log has a JSON line for each connection and fault: what, and when in UTC.
"""

import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import av
import av.error

CONNECTION_SECONDS = (120.0, 1800.0)
"""Of stream: an encoder leaves by itself after so long."""
FAULT_EVERY_SECONDS = 240.0
"""Of stream, on average."""
STALL_SECONDS = (6.0, 9.0)
"""Of the clock on the wall: longer than the program's patience with a silent line."""
JUMP_SECONDS = (60.0, 7200.0)
DAMAGE_SECONDS = (0.5, 15.0)
"""Of stream: how long garbage, holes, and pictures without a keyframe last."""
RETRY_SECONDS = 0.3
FAULTS = ("leaves", "stalls", "garbage", "hole", "jumps", "no keyframe")


class Day:
    """One connection's faults, by ``chance`` alone. Seconds are of stream, from the connection's beginning.

    ``jump_seconds``: how far timestamps have jumped. ``stall_seconds``: how long the newest stall lasts, on the wall's clock.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._leaves_at = chance.uniform(*CONNECTION_SECONDS)
        self._next_at = chance.expovariate(1 / FAULT_EVERY_SECONDS)
        self._until = {"garbage": 0.0, "hole": 0.0, "no keyframe": 0.0}
        self.jump_seconds = 0.0
        self.stall_seconds = 0.0

    def strikes(self, seconds: float) -> str | None:
        """The fault that begins here, if one does."""
        if seconds > self._leaves_at:
            return "leaves"
        if seconds <= self._next_at:
            return None
        fault = self._chance.choice(FAULTS)
        if fault == "stalls":
            self.stall_seconds = self._chance.uniform(*STALL_SECONDS)
        elif fault == "jumps":
            self.jump_seconds += self._chance.uniform(*JUMP_SECONDS)
        elif fault in self._until:
            self._until[fault] = seconds + self._chance.uniform(*DAMAGE_SECONDS)
        self._next_at = seconds + self._chance.expovariate(1 / FAULT_EVERY_SECONDS)
        return fault

    def sends(self, seconds: float, *, is_key: bool) -> bool:
        return seconds >= self._until["hole"] and not (is_key and seconds < self._until["no keyframe"])

    def damages(self, seconds: float) -> bool:
        return seconds < self._until["garbage"]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """A byte in about 400 is another, at least one; the length stays."""
    changed = bytearray(data)
    for _ in range(1 + len(changed) // 400):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


class Encoder:
    """``sent_seconds``: of stream, over all connections."""

    def __init__(self, url: str, path: Path, speed: float, seed: int, log: TextIO) -> None:
        self._url = url
        self._path = path
        self._speed = speed
        self._seed = seed
        self._log = log
        self._connections = 0
        self.sent_seconds = 0.0

    def publish(self, seconds: float) -> None:
        """Until so much of the stream was sent."""
        while self.sent_seconds < seconds:
            before = self.sent_seconds
            try:
                self._connection(seconds)
            except (av.error.FFmpegError, OSError):
                if self.sent_seconds > before:
                    self._note("cut off")
                time.sleep(RETRY_SECONDS)

    def _connection(self, seconds: float) -> None:
        """av.error.FFmpegError: nobody took it, or the line was cut."""
        with av.open(str(self._path)) as first:
            sources = [stream for stream in (first.streams.best("video"), first.streams.best("audio")) if stream is not None]
            output = av.open(self._url, "w", format="flv")
            streams = {source.index: output.add_stream_from_template(source) for source in sources}
        output.start_encoding()  # which connects
        self._connections += 1
        self._note("connected")
        day = Day(random.Random(f"{self._seed}, connection {self._connections}"))
        noise = random.Random(self._seed)
        began, base = time.monotonic(), self.sent_seconds
        for packet, dts_seconds in self._round_and_round():
            wait_seconds = began + dts_seconds / self._speed - time.monotonic()
            if wait_seconds > 0:
                time.sleep(wait_seconds)
            fault = day.strikes(dts_seconds)
            if fault is not None:
                self._note(fault)
            if fault == "leaves":
                break
            if fault == "stalls":
                time.sleep(day.stall_seconds)
                began += day.stall_seconds
            if not day.sends(dts_seconds, is_key=packet.is_keyframe):
                continue
            sent = _with(damaged(bytes(packet), noise), packet) if day.damages(dts_seconds) else packet
            shift = int(day.jump_seconds / packet.time_base)
            sent.pts, sent.dts, sent.time_base = packet.pts + shift, packet.dts + shift, packet.time_base
            sent.stream = streams[packet.stream.index]
            output.mux_one(sent)
            self.sent_seconds = base + dts_seconds
            if self.sent_seconds > seconds:
                break
        output.close()
        self._note("left")

    def _round_and_round(self) -> Iterator[tuple[Any, float]]:
        """Packets with rising timestamps from zero, each with its decoding time, without end."""
        offset = 0.0
        while True:
            with av.open(str(self._path)) as container:
                streams = [container.streams.best("video"), container.streams.best("audio")]
                length = (container.duration or 0) / av.time_base
                for packet in container.demux([stream for stream in streams if stream is not None]):
                    if packet.pts is None or packet.dts is None or packet.size == 0:
                        continue
                    shift = int(offset / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    yield packet, float(packet.dts * packet.time_base)
            offset += length

    def _note(self, what: str) -> None:
        line = {"what": what, "at": time.time(), "sent_seconds": round(self.sent_seconds, 3)}
        self._log.write(json.dumps(line) + "\n")
        self._log.flush()


def _with(data: bytes, packet: Any) -> Any:
    other = av.Packet(data)
    other.duration, other.is_keyframe = packet.duration, packet.is_keyframe
    return other


if __name__ == "__main__":
    url, path, seconds, speed, seed, log = sys.argv[1:]
    with Path(log).open("w", encoding="ascii") as lines:
        Encoder(url, Path(path), float(speed), int(seed), lines).publish(float(seconds))
