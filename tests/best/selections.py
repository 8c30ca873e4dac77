"""Selections made by hand, for what comes after choosing."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from stream_processor.best.records import Chosen, FrameTable, Moment, Rejected, ScoreTable, Selection, Stretch, Video

SAMPLES_A_SECOND = 3


def video_of(path: Path) -> Video:
    """What is true of a recording whose timestamps are in order."""
    with av.open(str(path)) as container:
        picture = container.streams.best("video")
        assert isinstance(picture, VideoStream)
        pts = [packet.pts * packet.time_base for packet in container.demux(picture) if packet.pts is not None]
        first, last = float(min(pts)), float(max(pts))
        fps = float(picture.average_rate or 25)
        lasts = last - first + 1 / fps
        has_sound = bool(container.streams.audio)
        codec = picture.codec_context
        return Video(path, "f" * 64, lasts, codec.width, codec.height, fps, codec.name, has_sound, (Stretch(0, lasts, first),))


def imagined(name: str = "a.mp4", *, lasts: float = 60.0, fps: float | None = 25.0, has_sound: bool = True) -> Video:
    """A video that is no file."""
    path = Path(name).absolute()
    return Video(path, name.ljust(64, "0"), lasts, 1280, 720, fps, "h264", has_sound, (Stretch(0, lasts, 0.0),))


def scored(video: Video) -> ScoreTable:
    times = np.arange(0, video.duration_seconds, 1 / SAMPLES_A_SECOND)
    frames = np.round(times * (video.fps or 25)).astype(np.int64)
    times = frames / (video.fps or 25)
    wave = 0.5 + 0.5 * np.sin(times)
    components = {"sharpness": wave, "motion": 1 - wave}
    looks = np.eye(4, dtype=np.float32)[np.arange(len(times)) % 4]
    table = FrameTable(video, times, frames, {"sharpness": wave * 900, "motion": 1 - wave}, looks, "light")
    return ScoreTable(table, components, wave * 0.9, wave * 0.8)


def selection(
    videos: Sequence[Video],
    chosen: Sequence[tuple[int, float]],
    rejected: Sequence[tuple[int, float, str]] = (),
    *,
    before: float = 1.0,
    after: float = 2.0,
    notes: Mapping[int, tuple[tuple[str, str], ...]] | None = None,
) -> Selection:
    """``chosen``: (video, peak in seconds) in rank order; ``rejected`` with the reason."""
    tables = [scored(video) for video in videos]

    def moment(video: int, seconds: float, score: float) -> Moment:
        index = int(np.argmin(np.abs(tables[video].table.times - seconds)))
        fps = Fraction(videos[video].fps or 25).limit_denominator(1001)
        return Moment(video, index, seconds, round(seconds * fps), score, {"sharpness": 0.25, "motion": 0.75})

    taken = [
        Chosen(
            rank,
            moment(video, seconds, 1 - rank / 100),
            max(0.0, seconds - before),
            min(seconds + after, videos[video].duration_seconds),
            (notes or {}).get(rank, ()),
        )
        for rank, (video, seconds) in enumerate(chosen, 1)
    ]
    left = [Rejected(moment(video, seconds, 0.2), reason) for video, seconds, reason in rejected]
    count = len(taken) + len(left)
    alike = np.eye(count) * 0.5 + 0.5
    return Selection(tables, taken, left, alike, {"best": {"k": len(taken)}}, ())
