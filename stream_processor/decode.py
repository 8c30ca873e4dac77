"""The decoding thread: encoded packets in, panes of small sampled frames and mono sound out.

Of what nobody samples only those frames are decoded that others refer to (``skipping``), and none is converted. Scaling goes
straight from the decoder's picture to the pane's own memory, in the layout that decoders give (I420): no colour is converted
for the analysis.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.error
import structlog
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from stream_processor.backlog import Backlog, Begin, End
from stream_processor.decoding.decoders import prepare, skipping_for
from stream_processor.decoding.frame_memory import HostRing, MakeMemory
from stream_processor.decoding.hardware import HardwareFirst, VideoDecoder, is_on_card, open_hardware
from stream_processor.decoding.mono import Mono
from stream_processor.decoding.scaling import HostScaler, sizes
from stream_processor.errors import SourceUnusable
from stream_processor.frames import Grid, PaneBuilder, PaneShape
from stream_processor.receiving.templates import Codecs
from stream_processor.records import Epoch, Packet, Pane

log = structlog.get_logger()

_TICKS_A_PANE = 16
"""So often the panes hear that time goes on, and at each pane's end at once: telling them at every packet costs more."""


@dataclass(frozen=True)
class Sampling:
    """What the scorers want to see. ``picture_size``: the shorter side in pixels, or None where no scorer wants pictures.

    ``blocks``: how many panes may be on their way between decoding and scoring. ``threads``: at the most; 0: the machine's cores.
    ``memory`` makes the memory of the sampled frames where software decodes. ``hardware``: the device whose NVDEC is tried
    first ("cuda:0"), with its frames left there; None: software alone. ``skips`` False: every picture is decoded, for comparison.
    ``max_megapixels``: a larger picture is refused.
    """

    pane_seconds: Fraction
    fps: float
    height: int
    picture_size: int | None
    picture_fps: float
    blocks: int
    threads: int = 0
    memory: MakeMemory = HostRing
    hardware: str | None = None
    skips: bool = True
    max_megapixels: float = 36.0


Scale = Callable[[VideoFrame, int, int], Any]
SlotOf = Callable[[Fraction], Any | None]


@dataclass
class DecodeCounts:
    """Since the start of the run; written by the decoding thread.

    ``skipped``: pictures that need not be decoded. ``sounds``: blocks of sound. ``errors``: packets that no decoder takes.
    """

    frames: int = 0
    skipped: int = 0
    sampled: int = 0
    sounds: int = 0
    errors: int = 0
    late: int = 0


class EpochDecoder:
    """Decodes and samples one epoch. Not thread-safe. ``is_live``: no more threads than are needed to keep up."""

    def __init__(self, epoch: Epoch, codecs: Codecs, sampling: Sampling, counts: DecodeCounts, *, is_live: bool = False) -> None:
        self._codecs = codecs
        self._counts = counts
        self._on_card: Any = None  # a DeviceScaler, where the card decodes
        self._scaler = HostScaler()
        self._frame_grid = Grid(sampling.fps)
        self._picture_grid = Grid(sampling.picture_fps)
        self._last_seconds = Fraction(-1)
        self._time_bases: dict[str, Fraction] = {}  # PyAV leaves it out of the frames that a decoder is emptied of
        video, audio = epoch.media.video, epoch.media.audio
        has_picture = video is not None and codecs.video is not None
        size = sizes(codecs.video, height=sampling.height, picture_size=sampling.picture_size) if has_picture else None
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
        self._video, memory = self._open_video(sampling)
        self._builder = PaneBuilder(self._shape, epoch=epoch.number, start_seconds=epoch.start_seconds, memory=memory)
        self._mono = Mono(audio.sample_rate if audio else 0)
        self._is_timed = True  # frames come out with the times of their packets
        self._ticks = _TICKS_A_PANE / sampling.pane_seconds  # a second
        self._tick = self._until = self._end_pts = 0
        rates = [sampling.fps] if sampling.picture_size is None else [sampling.fps, sampling.picture_fps]
        self._skipping = skipping_for(codecs, video, rates, skips=sampling.skips)
        self._counted = (0, 0)
        self._errors_before = counts.errors
        prepare(codecs, video, threads=sampling.threads, max_megapixels=sampling.max_megapixels, is_live=is_live)

    def _open_video(self, sampling: Sampling) -> tuple[VideoDecoder | None, MakeMemory]:
        """What decodes the picture, and where its sampled frames are to lie. Software is always there to fall back on."""
        software = self._codecs.video
        hardware = open_hardware(software, sampling.hardware) if software is not None and sampling.hardware else None
        if hardware is None or software is None or sampling.hardware is None:
            return software, sampling.memory
        from stream_processor.decoding.device_frames import DeviceScaler
        from stream_processor.decoding.device_memory import memories

        self._on_card = DeviceScaler(sampling.hardware)
        first = HardwareFirst(hardware, software, lambda: self._builder.change_memory(sampling.memory))
        return first, memories(sampling.hardware, "device")

    def decode(self, packet: Packet) -> list[Pane]:
        """The panes that this packet completes. Data that cannot be decoded is counted and passed over."""
        self._time_bases[packet.kind] = packet.time_base
        if packet.kind == "audio":
            return self._decode_sound(_encoded(packet), packet.arrived_at)
        panes: list[Pane] = []
        for due in self._skipping.push(packet):
            panes += self._decode_picture(_encoded(due), packet.arrived_at)
        self._count()
        return panes + self._advance(packet)

    def finish(self) -> list[Pane]:
        """Empty the decoders: the rest of the epoch's panes."""
        self._skipping.finish()
        panes = [*self._decode_picture(None, 0.0), *self._decode_sound(None, 0.0)]
        if "video" in self._time_bases and self._is_timed:
            end_seconds = self._end_pts * self._time_bases["video"] + self._frame_seconds
            panes += self._built(lambda: self._builder.advance(Fraction(0), end_seconds, 0.0))
        panes += self._built(self._builder.finish) or self._builder.finish()
        self._count()
        if errors := self._counts.errors - self._errors_before:
            log.warning("some of the stream is damaged and was not judged", packets=errors)
        return panes

    def _count(self) -> None:
        """What the parts have counted since the last time."""
        skipped, late = self._counted
        self._counted = (self._skipping.skipped, self._builder.late)
        self._counts.skipped += self._counted[0] - skipped
        self._counts.late += self._counted[1] - late

    # ---- picture -----------------------------------------------------------------------------------------------------

    def _decode_picture(self, encoded: Any, arrived_at: float) -> list[Pane]:
        if self._video is None:
            return []
        try:
            frames = self._video.decode(encoded)
        except av.error.FFmpegError:
            self._counts.errors += 1
            self._skipping.doubt()
            return []
        return [pane for frame in frames for pane in self._sample_picture(frame, arrived_at)]

    def _sample_picture(self, frame: Any, arrived_at: float) -> list[Pane]:
        self._counts.frames += 1
        self._watch(frame)
        timed = frame.pts is not None
        seconds = frame.pts * self._time_bases["video"] if timed else self._last_seconds + self._frame_seconds
        if seconds <= self._last_seconds or seconds < 0:
            return []  # out of order: a broken stream's frame that nothing can be compared with
        self._last_seconds = seconds
        is_frame = self._frame_grid.takes(seconds)
        is_picture = self._shape.picture is not None and self._picture_grid.takes(seconds)
        panes: list[Pane] = []
        if is_frame or is_picture or not self._is_timed:
            panes = self._built(lambda: self._builder.advance(seconds, seconds + self._frame_seconds, arrived_at))
        if is_frame:
            self._write_frame(frame, seconds)
        if is_picture:
            self._write_picture(frame, seconds)
        return panes

    def _watch(self, frame: Any) -> None:
        """Stop skipping for a while where frames are lost or damaged, and for good where it cannot be judged."""
        if frame.pts is None or frame.pts < self._until:
            self._is_timed = False  # what packets tell of frames still to come does not hold for this decoder
        if frame.pts is not None:
            self._skipping.came(frame.pts)
        if frame.is_corrupt:
            self._skipping.doubt()
        if frame.interlaced_frame:  # each of its fields may be a packet of its own
            self._skipping.stop()

    def _advance(self, packet: Packet) -> list[Pane]:
        """The panes before everything that is still to come out: they need not wait for the frames that follow them."""
        until, time_base = self._skipping.until(packet.dts), packet.time_base
        self._end_pts = max(self._end_pts, packet.pts)
        tick = -(-until * time_base.numerator * self._ticks.numerator // (time_base.denominator * self._ticks.denominator))
        if tick == self._tick or not self._is_timed:
            return []
        self._tick, self._until = tick, until
        return self._built(lambda: self._builder.advance(until * time_base, self._end_pts * time_base, packet.arrived_at))

    def _built(self, build: Callable[[], list[Pane]]) -> list[Pane]:
        """Frames that wait for the next pane are moved on the card: where it is lost just then, its frames are, too."""
        try:
            return build()
        except RuntimeError as error:
            if not isinstance(self._video, HardwareFirst) or self._video.state != "hardware":
                raise
            self._video.fail(str(error))
            return []

    def _write_frame(self, frame: VideoFrame, seconds: Fraction) -> None:
        assert self._shape.frame is not None
        if is_on_card(frame):
            scale, slot_of = self._on_card.i420, self._builder.frame
            self._counts.sampled += self._write_on_card(frame, seconds, scale, self._shape.frame, slot_of)
            return
        slot = self._builder.frame(seconds)
        if slot is None:
            return
        self._scaler.i420(frame, slot)
        self._counts.sampled += 1

    def _write_picture(self, frame: VideoFrame, seconds: Fraction) -> None:
        assert self._shape.picture is not None
        if is_on_card(frame):
            self._write_on_card(frame, seconds, self._on_card.rgb, self._shape.picture, self._builder.picture)
            return
        slot = self._builder.picture(seconds)
        if slot is not None:
            self._scaler.rgb(frame, slot)

    def _write_on_card(self, frame: VideoFrame, seconds: Fraction, scale: Scale, size: tuple[int, int], slot_of: SlotOf) -> bool:
        from stream_processor.decoding.device_frames import put

        assert isinstance(self._video, HardwareFirst)
        if self._video.state != "hardware":  # it was given up while this frame was on its way
            return False
        try:
            scaled = scale(frame, *size)
            slot = slot_of(seconds)
            if slot is not None:
                put(slot, scaled)
        except RuntimeError as error:  # the device has no memory left, or is lost
            self._video.fail(str(error))
            return False
        return slot is not None

    # ---- sound -------------------------------------------------------------------------------------------------------

    def _decode_sound(self, encoded: Any, arrived_at: float) -> list[Pane]:
        if self._codecs.audio is None:
            return []
        try:
            frames = self._codecs.audio.decode(encoded)
        except av.error.FFmpegError:
            self._counts.errors += 1
            return []
        return [pane for frame in frames for pane in self._sample_sound(frame, arrived_at)]

    def _sample_sound(self, frame: AudioFrame, arrived_at: float) -> list[Pane]:
        if frame.pts is None or not frame.samples:
            return []
        self._counts.sounds += 1
        seconds = frame.pts * self._time_bases["audio"]
        return self._built(lambda: self._builder.sound(seconds, self._mono.samples(frame), arrived_at))


def decode_all(backlog: Backlog, sampling: Sampling, deliver: Callable[[Pane], object], counts: DecodeCounts) -> None:
    """The decoding thread's work: everything in the backlog, until it is closed and empty.

    SourceUnusable: not one packet could be decoded. What FFmpeg takes for a stream may be none, and must not pass for a calm one.
    """
    decoder: EpochDecoder | None = None
    while (item := backlog.take()) is not None:
        panes: list[Pane] = []
        if isinstance(item, Packet):
            assert decoder is not None
            panes = decoder.decode(item)
        else:
            if decoder is not None:
                panes = decoder.finish()
            decoder = _begin(item, sampling, counts, is_live=not backlog.lossless) if isinstance(item, Begin) else None
        for pane in panes:
            deliver(pane)
    if decoder is not None:
        for pane in decoder.finish():
            deliver(pane)
    if counts.errors and not (counts.frames or counts.sounds):
        raise SourceUnusable(f"nothing in it could be decoded ({counts.errors} packets were tried)", reason="damaged")


def _begin(begin: Begin, sampling: Sampling, counts: DecodeCounts, *, is_live: bool) -> EpochDecoder:
    return EpochDecoder(begin.epoch, begin.codecs, sampling, counts, is_live=is_live)


def _encoded(packet: Packet) -> "av.Packet[Any]":
    encoded: av.Packet[Any] = av.Packet(packet.data)
    encoded.pts, encoded.dts, encoded.time_base = packet.pts, packet.dts, packet.time_base
    encoded.duration = packet.duration
    encoded.is_keyframe = packet.is_key
    return encoded


__all__ = ["Backlog", "Begin", "DecodeCounts", "End", "EpochDecoder", "Sampling", "decode_all"]
