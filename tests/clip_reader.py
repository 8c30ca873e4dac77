"""Plays a finished clip to its end, as a strict player would, and tells what was seen and heard when."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from tests.media_maker import FPS, number_of


@dataclass(frozen=True)
class Played:
    """Times in seconds, as the file tells them. ``lumas``: uint8 (height, width) of each frame."""

    times: list[float]
    lumas: list[npt.NDArray[np.uint8]]
    clicks: list[float]
    sound_seconds: tuple[float, float] | None
    """Begin and end of the sound."""
    first_is_key: bool
    packets: dict[str, list[bytes]]
    rotation: int
    """Degrees, counter-clockwise, by which a player turns the picture."""

    @property
    def numbers(self) -> list[int]:
        return [number_of(luma) for luma in self.lumas]

    def out_of_step_seconds(self) -> list[float]:
        """For each click: how much later it is heard than the picture says that it should be."""
        shown_later = self.numbers[0] / FPS - self.times[0]
        return [(click + shown_later + 0.5) % 1.0 - 0.5 for click in self.clicks]


def play(path: Path, *, torn: bool = False, until_seconds: float = float("inf")) -> Played:
    """Decode all of it. A packet that cannot be decoded, dts that steps back, a frame without time: an error.

    So are frames out of order, unless the source was ``torn`` and has them too.
    """
    times: list[float] = []
    lumas: list[npt.NDArray[np.uint8]] = []
    blocks: list[tuple[float, npt.NDArray[np.float32]]] = []
    packets: dict[str, list[bytes]] = {"video": [], "audio": []}
    first_is_key = True
    last_dts: dict[int, int] = {}
    rotation = 0
    mono = av.AudioResampler(format="fltp", layout="mono")
    with av.open(str(path)) as container:
        for stream in container.streams:
            stream.codec_context.options = {"err_detect": "explode"}
        rate = container.streams.audio[0].rate if container.streams.audio else 1
        for packet in container.demux():
            if packet.size:
                kind = packet.stream.type
                if kind == "video" and not packets["video"]:
                    first_is_key = packet.is_keyframe
                packets[kind].append(bytes(packet))
                if packet.dts is not None:
                    assert packet.dts > last_dts.get(packet.stream_index, -(1 << 62)), f"{path.name}: dts steps back"
                    last_dts[packet.stream_index] = packet.dts
            for frame in packet.decode():
                rotation = rotation or getattr(frame, "rotation", 0)
                _take(frame, mono, times, lumas, blocks)
            if times and times[-1] > until_seconds:
                break
    assert torn or times == sorted(set(times)), f"{path.name}: pictures out of order"
    return Played(times, lumas, _clicks(blocks, rate), _span(blocks, rate), first_is_key, packets, rotation)


def _take(frame: Any, mono: Any, times: list[float], lumas: list[Any], blocks: list[Any]) -> None:
    assert frame.pts is not None
    if isinstance(frame, av.VideoFrame):
        times.append(frame.time)
        rows = np.frombuffer(frame.planes[0], np.uint8).reshape(-1, frame.planes[0].line_size)
        lumas.append(rows[: frame.height, : frame.width].copy())
    else:
        blocks.append((frame.time, np.concatenate([block.to_ndarray()[0] for block in mono.resample(frame)])))


def _span(blocks: list[tuple[float, npt.NDArray[np.float32]]], rate: int) -> tuple[float, float] | None:
    return (blocks[0][0], blocks[-1][0] + len(blocks[-1][1]) / rate) if blocks else None


def _clicks(blocks: list[tuple[float, npt.NDArray[np.float32]]], rate: int) -> list[float]:
    """Where the sound rises out of silence by a lot; a click cut in two by the clip's start is none."""
    found: list[float] = []
    for seconds, samples in blocks:
        for index in np.flatnonzero(np.abs(samples) > 0.2):
            at = seconds + index / rate
            if at > 0.03 and (not found or at - found[-1] > 0.5):
                found.append(at)
    return found
