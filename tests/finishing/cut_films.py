"""Small recordings with cuts at known frames: each shot is a texture of its own that drifts, so that within it little changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.codec.codec
import numpy as np
import numpy.typing as npt
import pytest

from tests.media_maker import RECIPES, Recipe

WIDTH, HEIGHT = 128, 72

LONG_GOPS = Recipe(".x264.mp4", video_options={"preset": "veryfast", "bf": "3", "sc_threshold": "0", "threads": "1"}, gop=100)
NO_CUT_KEYS = {  # nothing helps the decoder: keyframes come at fixed distances, B-frames lie across the cuts
    "h264": LONG_GOPS,
    "hevc, open gops": RECIPES["hevc with open gops in mp4"],
    "vp8": RECIPES["vp8 and opus in webm"],
    "vp9": RECIPES["vp9 and opus in webm"],
    "h264 in flv": RECIPES["h264 in flv"],
    "mpeg2 in ts": RECIPES["mpeg2 and ac3 in ts"],
}


@dataclass(frozen=True)
class Film:
    """``times``: when each frame is shown, in seconds from the first. ``cuts``: numbers of the first frames of new shots."""

    path: Path
    times: tuple[Fraction, ...]
    cuts: tuple[int, ...]


def steady(frames: int, fps: Fraction = Fraction(25)) -> tuple[Fraction, ...]:
    return tuple(number / fps for number in range(frames))


def film(path: Path, recipe: Recipe, times: Sequence[Fraction], cuts: Sequence[int], drift: float = 0.3) -> Film:
    """Encode it, without sound; skips where there is no such encoder. ``drift`` in pixels a frame."""
    try:
        with av.open(str(path), "w", format=recipe.format) as output:
            assert recipe.video is not None
            rate = (len(times) - 1) / times[-1]
            stream: Any = output.add_stream(recipe.video, rate=rate.limit_denominator(1001), options=dict(recipe.video_options))
            stream.width, stream.height, stream.pix_fmt, stream.gop_size = WIDTH, HEIGHT, recipe.pixels, recipe.gop
            clock = 1 / rate if tuple(times) == steady(len(times), rate) else Fraction(1, 90_000)
            stream.time_base = stream.codec_context.time_base = clock
            for number, seconds in enumerate(times):
                shot = sum(cut <= number for cut in cuts)
                frame = av.VideoFrame.from_ndarray(picture(shot, number * drift), format="yuv420p")
                frame.pts, frame.time_base = round(seconds / clock), clock
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    except av.codec.codec.UnknownCodecError as error:
        pytest.skip(f"this FFmpeg has no encoder {error}")
    return Film(path, tuple(times), tuple(cuts))


def picture(shot: int, moved: float) -> npt.NDArray[np.uint8]:
    """I420 planes, uint8 (HEIGHT * 3 / 2, WIDTH)."""
    random = np.random.default_rng(shot)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    luma = np.full((HEIGHT, WIDTH), 128.0)
    for a, b, phase in random.uniform((-0.2, -0.2, 0), (0.2, 0.2, 6), (5, 3)):
        luma += 20 * np.sin(a * (x - moved) + b * y + phase)
    u, v = (np.full((HEIGHT // 4, WIDTH), value) for value in random.integers(80, 170, 2))
    return np.concatenate([luma.clip(16, 235), u, v]).astype(np.uint8)
