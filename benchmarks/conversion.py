"""From the decoder's picture to the small one that is scored: what each way costs, and how far it is from a true average."""

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from benchmarks.paired import Cost, alternate, ratio, within
from benchmarks.report import Cell, Spread, Table
from benchmarks.sampled import Image, luma, sampled
from stream_processor.frames import analysis_size

FILES = ("gameplay_minecraft_5s.mp4", "walking_crowd_14s.mp4", "sintel_trailer_480p.mp4")
"""1080p, 720p and 480p."""
HEIGHT = 180
FRAMES = 25
OURS = "sws AREA, I420"

Convert = Callable[[Any], Image]
"""A decoded frame to its small luma, uint8 (height, width)."""


def tables(folder: Path, *, quick: bool) -> list[Table]:
    return [_table(folder / name, rounds=3 if quick else 11) for name in (FILES[:1] if quick else FILES)]


def ways(size: tuple[int, int]) -> dict[str, Convert]:
    """``size`` is (height, width). What makes I420 makes all three planes, else luma alone: enough for flow, not for novelty."""
    return {
        OURS: sws("AREA", "yuv420p", size),
        "sws FAST_BILINEAR, I420": sws("FAST_BILINEAR", "yuv420p", size),
        "sws BILINEAR, I420": sws("BILINEAR", "yuv420p", size),
        "sws POINT, I420": sws("POINT", "yuv420p", size),
        "cv2 INTER_AREA, I420": lambda frame: _planes(frame, size)[0],
        "sws AREA, gray": sws("AREA", "gray", size),
        "cv2 INTER_AREA, luma": lambda frame: _shrunk(luma(frame), size, 0),
        "cv2 INTER_AREA, luma, every other row": lambda frame: _shrunk(luma(frame)[::2], size, 0),
        "cv2 INTER_LINEAR, luma": lambda frame: _shrunk(luma(frame), size, 0, cv2.INTER_LINEAR),
    }


def sws(interpolation: str, format: str, size: tuple[int, int]) -> Convert:
    scaler = VideoReformatter()
    height, width = size

    def convert(frame: Any) -> Image:
        return luma(scaler.reformat(frame, width=width, height=height, format=format, interpolation=interpolation))

    return convert


def error(found: Image, picture: Image) -> float:
    """Mean absolute difference from the average over areas in floating point, in steps of luma."""
    true = cv2.resize(picture.astype(np.float32), found.shape[::-1], interpolation=cv2.INTER_AREA)
    return float(np.abs(true - found).mean())


def _planes(frame: Any, size: tuple[int, int]) -> list[Image]:
    full = [np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width] for plane in frame.planes]
    return [_shrunk(plane, size, index) for index, plane in enumerate(full)]


def _shrunk(picture: Image, size: tuple[int, int], index: int, interpolation: int = cv2.INTER_AREA) -> Image:
    height, width = size if index == 0 else (size[0] // 2, size[1] // 2)
    return cv2.resize(picture, (width, height), interpolation=interpolation)


def _table(path: Path, rounds: int) -> Table:
    frames = [frame for _, frame in islice(sampled(path, fps=1), FRAMES)]  # films begin in black
    size = analysis_size(frames[0].width, frames[0].height, HEIGHT)

    def timed(convert: Convert) -> Callable[[], Cost]:
        return lambda: within(lambda: [convert(frame) for frame in frames])

    converts = ways(size)
    costs = alternate({name: timed(convert) for name, convert in converts.items()}, rounds=rounds)
    cpu = {name: [cost.cpu_seconds * 1000 / len(frames) for cost in each] for name, each in costs.items()}
    rows: list[Sequence[Cell]] = []
    for name, convert in converts.items():
        off = float(np.mean([error(convert(frame), luma(frame)) for frame in frames[-5:]]))
        rows.append((name, Spread.of(cpu[name]), ratio(cpu[name], cpu[OURS]), off))
    return Table(
        f"{frames[0].width}×{frames[0].height} to {size[1]}×{size[0]}",
        ("way", "CPU, ms per picture", f"ratio to {OURS}", "off the true average, luma steps"),
        rows,
    )
