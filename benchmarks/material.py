"""Streams to measure with: encoded once, as broadcasters encode, from pictures that really move.

The shared media's frames are taken one after the other, each once, and scaled up: at 60 fps, 60 different pictures a second.
Where there are no shared media, FFmpeg's ``mandelbrot`` zooms.
"""

import hashlib
import itertools
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import av.filter
import numpy as np

from benchmarks.streams import MEDIA

CACHE = Path(tempfile.gettempdir()) / "clip-highlights-benchmarks"
SCENES = (
    "gameplay_minecraft_5s.mp4",
    "sintel_trailer_480p.mp4",
    "walking_crowd_14s.mp4",
    "media3_rooftop_17s.mp4",
    "gameplay_spaceshooter_24s.mp4",
)
"""Together some 3100 frames."""
SAMPLE_RATE = 48_000
_BLOCK = 1024


@dataclass(frozen=True)
class Material:
    """What to encode. GOPs of two seconds, AAC sound, MP4."""

    name: str
    encoder: str
    width: int
    height: int
    fps: int
    bits_per_second: int
    options: Mapping[str, str] = field(default_factory=dict)


_OBS = {"preset": "veryfast", "sc_threshold": "0"}
"""x264 as OBS runs it: up to three B-frames, chosen as the picture has it, one of them a reference."""

H264_1080P60_B = Material("1080p60 H.264, B-frames", "libx264", 1920, 1080, 60, 6_000_000, _OBS)
H264_1080P60_NO_B = Material("1080p60 H.264, no B-frames", "libx264", 1920, 1080, 60, 6_000_000, {**_OBS, "bf": "0"})
H264_720P30 = Material("720p30 H.264, B-frames", "libx264", 1280, 720, 30, 3_000_000, _OBS)
H264_720P30_6MB = Material("720p30 H.264 at 6 Mb/s", "libx264", 1280, 720, 30, 6_000_000, _OBS)
HEVC_1080P60 = Material(
    "1080p60 HEVC, B-frames", "libx265", 1920, 1080, 60, 6_000_000, {"preset": "superfast", "x265-params": "log-level=error"}
)


def ready(material: Material, seconds: int, cache: Path = CACHE) -> Path:
    """A file of so many seconds. It is kept by its recipe and by what it is made of."""
    path = cache / f"{material.width}x{material.height}-{seconds}s-{key(material, seconds)}.mp4"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        try:
            _encode(material, seconds, unfinished)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    return path


def key(material: Material, seconds: int) -> str:
    """Changes with the recipe and with the media that it would be made of."""
    scenes = [(scene.name, scene.stat().st_size) for scene in _scenes()]
    return hashlib.sha256(repr((material, seconds, scenes)).encode()).hexdigest()[:12]


def _scenes() -> list[Path]:
    return [MEDIA / name for name in SCENES if (MEDIA / name).exists()]


def _encode(material: Material, seconds: int, path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as output:
        video: Any = output.add_stream(material.encoder, rate=material.fps, options=_options(material))
        video.width, video.height, video.pix_fmt = material.width, material.height, "yuv420p"
        video.gop_size = 2 * material.fps
        audio: Any = output.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
        sound = _sound()
        block = next(sound)
        for frame in itertools.islice(_pictures(material), seconds * material.fps):
            output.mux(video.encode(frame))
            while block.time <= frame.time:
                output.mux(audio.encode(block))
                block = next(sound)
        output.mux(video.encode(None))
        output.mux(audio.encode(None))


def _options(material: Material) -> dict[str, str]:
    rate = material.bits_per_second
    return {"b": str(rate), "maxrate": str(rate), "bufsize": str(2 * rate), **material.options}


# ---- picture ---------------------------------------------------------------------------------------------------------


def _pictures(material: Material) -> Iterator[Any]:
    """Without end."""
    frames = _filmed() if _scenes() else _zoomed(material)
    for number, frame in enumerate(frames):
        picture = frame.reformat(width=material.width, height=material.height, format="yuv420p", interpolation="BICUBIC")
        picture.pts, picture.time_base = number, Fraction(1, material.fps)
        picture.pict_type = 0  # else the encoder would take over what the scene's own encoder chose
        yield picture


def _filmed() -> Iterator[Any]:
    """All frames of all scenes, over and over."""
    for scene in itertools.cycle(_scenes()):
        with av.open(str(scene)) as container:
            stream = container.streams.best("video")
            assert stream is not None
            stream.thread_type = "AUTO"
            yield from container.decode(stream)


def _zoomed(material: Material) -> Iterator[Any]:
    graph = av.filter.Graph()
    source = graph.add("mandelbrot", f"size={material.width}x{material.height}:rate={material.fps}")
    sink = graph.add("buffersink")
    source.link_to(sink)
    graph.configure()
    while True:
        yield graph.pull()


# ---- sound -----------------------------------------------------------------------------------------------------------


def _sound() -> Iterator[Any]:
    """Stereo noise that swells every few seconds, without end."""
    rng = np.random.default_rng(7)
    for first in itertools.count(0, _BLOCK):
        times = np.arange(first, first + _BLOCK) / SAMPLE_RATE
        level = 0.05 + 0.2 * np.sin(2 * np.pi * times / 7.0) ** 8
        samples = (level * rng.uniform(-1, 1, (2, _BLOCK))).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, first, Fraction(1, SAMPLE_RATE)
        yield frame
