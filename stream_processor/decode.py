"""The decoding thread: encoded packets in, panes of small sampled frames and mono sound out.

Frames that nobody samples are decoded, since others refer to them, but never converted. Scaling goes straight from the
decoder's picture to the pane's own memory, in the layout that decoders give (I420): no colour is converted for the analysis.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from stream_processor.backlog import Backlog, Begin, End
from stream_processor.demux import Codecs
from stream_processor.frames import Grid, PaneBuilder, PaneShape, analysis_size
from stream_processor.records import Epoch, Packet, Pane


@dataclass(frozen=True)
class Sampling:
    """What the scorers want to see. ``picture_size``: the shorter side in pixels, or None where no scorer wants pictures.

    ``blocks``: how many panes may be on their way between decoding and scoring. ``threads``: 0 lets FFmpeg choose.
    """

    pane_seconds: Fraction
    fps: float
    height: int
    picture_size: int | None
    picture_fps: float
    blocks: int
    threads: int = 0


@dataclass
class DecodeCounts:
    """Since the start of the run; written by the decoding thread."""

    frames: int = 0
    sampled: int = 0
    errors: int = 0
    late: int = 0


class EpochDecoder:
    """Decodes and samples one epoch. Not thread-safe."""

    def __init__(self, epoch: Epoch, codecs: Codecs, sampling: Sampling, counts: DecodeCounts) -> None:
        self._codecs = codecs
        self._counts = counts
        self._scaler = VideoReformatter()
        self._picture_scaler = VideoReformatter()
        self._frame_grid = Grid(sampling.fps)
        self._picture_grid = Grid(sampling.picture_fps)
        self._last_seconds = Fraction(-1)
        self._time_bases: dict[str, Fraction] = {}  # PyAV leaves it out of the frames that a decoder is emptied of
        video, audio = epoch.media.video, epoch.media.audio
        size = _sizes(codecs, sampling) if video is not None else None
        self._shape = PaneShape(
            pane_seconds=sampling.pane_seconds,
            fps=sampling.fps,
            frame=size[0] if size else None,
            picture=size[1] if size else None,
            picture_fps=sampling.picture_fps,
            sample_rate=audio.sample_rate if audio else None,
            blocks=sampling.blocks,
        )
        self._frame_seconds = Fraction(1 / video.fps).limit_denominator(1000) if video and video.fps else Fraction(1, 30)
        self._builder = PaneBuilder(self._shape, epoch=epoch.number, start_seconds=epoch.start_seconds)
        self._resampler: AudioResampler | None = None
        if codecs.video is not None and not codecs.video.is_open:
            codecs.video.thread_type = "AUTO"
            codecs.video.thread_count = sampling.threads

    def decode(self, packet: Packet) -> list[Pane]:
        """The panes that this packet completes. Data that cannot be decoded is counted and passed over."""
        self._time_bases[packet.kind] = packet.time_base
        encoded = av.Packet(packet.data)
        encoded.pts, encoded.dts, encoded.time_base = packet.pts, packet.dts, packet.time_base
        encoded.duration = packet.duration
        encoded.is_keyframe = packet.is_key
        return self._take(packet.kind, encoded, packet.arrived_at)

    def finish(self) -> list[Pane]:
        """Empty the decoders: the rest of the epoch's panes."""
        panes = [*self._take("video", None, 0.0), *self._take("audio", None, 0.0), *self._builder.finish()]
        self._counts.late += self._builder.late
        return panes

    def _take(self, kind: str, encoded: Any, arrived_at: float) -> list[Pane]:
        context: Any = self._codecs.video if kind == "video" else self._codecs.audio
        if context is None:
            return []
        try:
            frames = context.decode(encoded)
        except av.error.FFmpegError:
            self._counts.errors += 1
            return []
        sample = self._sample_video if kind == "video" else self._sample_audio
        return [pane for frame in frames for pane in sample(frame, arrived_at)]

    # ---- picture -----------------------------------------------------------------------------------------------------

    def _sample_video(self, frame: Any, arrived_at: float) -> list[Pane]:
        self._counts.frames += 1
        timed = frame.pts is not None
        seconds = frame.pts * self._time_bases["video"] if timed else self._last_seconds + self._frame_seconds
        if seconds <= self._last_seconds or seconds < 0:
            return []  # out of order: a broken stream's frame that nothing can be compared with
        self._last_seconds = seconds
        panes = self._builder.advance(seconds, seconds + self._frame_seconds, arrived_at)
        if self._frame_grid.takes(seconds):
            self._write_frame(frame, seconds)
        if self._shape.picture is not None and self._picture_grid.takes(seconds):
            self._write_picture(frame, seconds)
        return panes

    def _write_frame(self, frame: VideoFrame, seconds: Fraction) -> None:
        slot = self._builder.frame(seconds)
        if slot is None:
            return
        assert self._shape.frame is not None
        height, width = self._shape.frame
        small = self._scaler.reformat(frame, width=width, height=height, format="yuv420p", interpolation="AREA")
        slot[:height] = _plane(small, 0, height, width)
        chroma = height // 4
        slot[height : height + chroma].reshape(height // 2, width // 2)[...] = _plane(small, 1, height // 2, width // 2)
        slot[height + chroma :].reshape(height // 2, width // 2)[...] = _plane(small, 2, height // 2, width // 2)
        self._counts.sampled += 1

    def _write_picture(self, frame: VideoFrame, seconds: Fraction) -> None:
        slot = self._builder.picture(seconds)
        if slot is None:
            return
        assert self._shape.picture is not None
        height, width = self._shape.picture
        picture = self._picture_scaler.reformat(frame, width=width, height=height, format="rgb24", interpolation="BICUBIC")
        slot[...] = _plane(picture, 0, height, width * 3).reshape(height, width, 3)

    # ---- sound -------------------------------------------------------------------------------------------------------

    def _sample_audio(self, frame: AudioFrame, arrived_at: float) -> list[Pane]:
        if frame.pts is None or not frame.samples:
            return []
        seconds = frame.pts * self._time_bases["audio"]
        return self._builder.sound(seconds, self._mono(frame), arrived_at)

    def _mono(self, frame: AudioFrame) -> npt.NDArray[np.float32]:
        if self._resampler is None:
            self._resampler = AudioResampler(format="flt", layout="mono", rate=self._shape.sample_rate)
        try:
            blocks = self._resampler.resample(frame)
        except ValueError:  # channels or rate changed within the epoch: what the old set-up still held is a few samples
            self._resampler = AudioResampler(format="flt", layout="mono", rate=self._shape.sample_rate)
            blocks = self._resampler.resample(frame)
        return np.concatenate([block.to_ndarray()[0] for block in blocks]) if blocks else np.empty(0, np.float32)


def decode_all(backlog: Backlog, sampling: Sampling, deliver: Callable[[Pane], object], counts: DecodeCounts) -> None:
    """The decoding thread's work: everything in the backlog, until it is closed and empty."""
    decoder: EpochDecoder | None = None
    while (item := backlog.take()) is not None:
        panes: list[Pane] = []
        if isinstance(item, Packet):
            assert decoder is not None
            panes = decoder.decode(item)
        else:
            if decoder is not None:
                panes = decoder.finish()
            decoder = EpochDecoder(item.epoch, item.codecs, sampling, counts) if isinstance(item, Begin) else None
        for pane in panes:
            deliver(pane)
    if decoder is not None:
        for pane in decoder.finish():
            deliver(pane)


def _sizes(codecs: Codecs, sampling: Sampling) -> tuple[tuple[int, int], tuple[int, int] | None]:
    """(height, width) of analysis frames, and of pictures whose shorter side is ``picture_size``."""
    context = codecs.video
    assert context is not None
    aspect = float(context.sample_aspect_ratio or 1) or 1.0
    frame = analysis_size(context.width, context.height, sampling.height, aspect)
    if sampling.picture_size is None:
        return frame, None
    scale = sampling.picture_size / min(context.height, context.width * aspect)
    longest = 4 * sampling.picture_size
    picture = (
        min(max(round(context.height * scale), sampling.picture_size), longest),
        min(max(round(context.width * aspect * scale), sampling.picture_size), longest),
    )
    return frame, picture


def _plane(frame: VideoFrame, index: int, height: int, width: int) -> npt.NDArray[np.uint8]:
    """uint8 (height, width): a view of one plane without the padding at its rows' ends."""
    plane: Any = frame.planes[index]
    rows: npt.NDArray[np.uint8] = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[:height, :width]


__all__ = ["Backlog", "Begin", "DecodeCounts", "End", "EpochDecoder", "Sampling", "decode_all"]
