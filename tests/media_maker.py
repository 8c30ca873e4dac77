"""Small recordings whose content can be read back: each frame shows its own number, and the sound clicks at every whole second.

picture   frame n holds n in twelve black or white blocks, over a background that moves
sound     10 ms of 1 kHz at 0 s, 1 s, 2 s …, silence between
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 192, 96
FPS = 25
RATE = 48_000
BLOCK = 16
BITS = 12
CLICK_SECONDS = 0.01
COLOUR = (90, 170)
"""U and V of every frame: a dull red."""


@dataclass(frozen=True)
class Recipe:
    """How a recording is encoded. ``gop`` in frames; ``audio`` None: no sound, ``video`` None: no picture."""

    suffix: str
    video: str | None = "libx264"
    audio: str | None = "aac"
    video_options: Mapping[str, str] = field(default_factory=dict)
    format: str | None = None
    format_options: Mapping[str, str] = field(default_factory=dict)
    gop: int = FPS
    pixels: str = "yuv420p"


_X264 = {"preset": "veryfast", "bf": "3", "b_strategy": "0", "sc_threshold": "0", "flags": "+cgop", "threads": "1"}
_OPEN_GOPS = "open-gop=1:bframes=4:keyint=24:min-keyint=1:scenecut=0:rc-lookahead=30:log-level=none:pools=1:frame-threads=1"
_X265 = {"preset": "ultrafast", "x265-params": _OPEN_GOPS}

RECIPES = {
    "h264 in mp4": Recipe(".mp4", video_options=_X264),
    "h264 in fragmented mp4": Recipe(
        ".frag.mp4", video_options=_X264, format="mp4", format_options={"movflags": "frag_keyframe+empty_moov"}
    ),
    "h264 in ts": Recipe(".ts", video_options=_X264),
    "h264 in flv": Recipe(".flv", video_options=_X264),
    "h264 in mkv": Recipe(".mkv", video_options=_X264),
    "hevc with open gops in mp4": Recipe(".hevc.mp4", "libx265", video_options=_X265),
    "hevc with open gops in ts": Recipe(".hevc.ts", "libx265", video_options=_X265),
    "vp9 and opus in webm": Recipe(
        ".webm",
        "libvpx-vp9",
        "libopus",
        {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "1", "lag-in-frames": "8", "threads": "1"},
    ),
    "vp8 and opus in webm": Recipe(".vp8.webm", "libvpx", "libopus", {"deadline": "realtime", "cpu-used": "8", "threads": "1"}),
    "av1 and opus in mkv": Recipe(".av1.mkv", "libsvtav1", "libopus", {"preset": "12"}),
    "mpeg2 and ac3 in ts": Recipe(".mpeg2.ts", "mpeg2video", "ac3", {"bf": "2", "b": "3M"}),
    "h264 without sound": Recipe(".silent.mp4", audio=None, video_options=_X264),
    "sound alone": Recipe(".m4a", video=None),
}


def make(folder: Path, recipe: Recipe, *, seconds: int = 8) -> Path:
    """Encode ``seconds`` of it below ``folder``. ValueError: this FFmpeg has no such encoder."""
    path = folder / f"made-{seconds}s{recipe.suffix}"
    if path.exists():
        return path
    with _as_urgent_as_before(), av.open(str(path), "w", format=recipe.format, options=dict(recipe.format_options)) as output:
        streams: list[tuple[Any, Iterator[Any]]] = []
        if recipe.video is not None:
            video: Any = output.add_stream(recipe.video, rate=FPS, options=dict(recipe.video_options))
            video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, recipe.pixels
            video.gop_size = recipe.gop
            streams.append((video, _pictures(seconds)))
        if recipe.audio is not None:
            audio: Any = output.add_stream(recipe.audio, rate=RATE, layout="stereo")
            streams.append((audio, _sounds(seconds)))
        _interleave(output, streams)
    return path


@contextmanager
def _as_urgent_as_before() -> Iterator[None]:
    """SVT-AV1 makes the thread that calls it a real-time one where it may (as root), and so all that comes of it later: programs
    that tests start would have a core each to themselves, and whoever spins there for another thread waits for ever."""
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, *before)


def _interleave(output: Any, streams: list[tuple[Any, Iterator[Any]]]) -> None:
    """Feed both encoders in step, as a live encoder does."""
    waiting = [(stream, frames, next(frames, None)) for stream, frames in streams]
    while any(frame is not None for _, _, frame in waiting):
        index = min(
            (index for index, (_, _, frame) in enumerate(waiting) if frame is not None),
            key=lambda index: waiting[index][2].pts * waiting[index][2].time_base,
        )
        stream, frames, frame = waiting[index]
        output.mux(stream.encode(frame))
        waiting[index] = (stream, frames, next(frames, None))
    for stream, _, _ in waiting:
        output.mux(stream.encode(None))


def _pictures(seconds: int) -> Iterator[Any]:
    for number in range(seconds * FPS):
        frame = av.VideoFrame.from_ndarray(draw(number), format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        yield frame


def draw(number: int) -> npt.NDArray[np.uint8]:
    """The frame's I420 planes, uint8 (HEIGHT * 3 / 2, WIDTH)."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    luma = ((columns + 3 * number) % 128 + rows // 2 + 32).astype(np.uint8)
    for bit in range(BITS):
        luma[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 235 if number >> bit & 1 else 16
    u, v = (np.full((HEIGHT // 4, WIDTH), value, np.uint8) for value in COLOUR)
    return np.concatenate([luma, u, v])


def number_of(luma: npt.NDArray[np.uint8]) -> int:
    """The number that a decoded frame shows; ``luma`` uint8 (height, width)."""
    blocks = luma[4 : BLOCK - 4, : BITS * BLOCK].reshape(BLOCK - 8, BITS, BLOCK)[:, :, 4 : BLOCK - 4].mean(axis=(0, 2))
    return int(sum(1 << bit for bit in range(BITS) if blocks[bit] > 126))


def _sounds(seconds: int) -> Iterator[Any]:
    times = np.arange(seconds * RATE) / RATE
    mono = np.where(times % 1.0 < CLICK_SECONDS, 0.8 * np.sin(2 * np.pi * 1000 * times), 0.0).astype(np.float32)
    block = 960
    for first in range(0, len(mono), block):
        frame = av.AudioFrame.from_ndarray(np.stack([mono[first : first + block]] * 2), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, first, Fraction(1, RATE)
        yield frame
