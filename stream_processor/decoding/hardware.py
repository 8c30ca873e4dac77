"""Decoding on an NVIDIA card (NVDEC) by PyAV, with the frames left there, and the way back to software.

::

    packets ─▶ proving ──first frame is on the card──▶ hardware ──it fails──▶ waiting ──keyframe──▶ software
                  └──────────────it is not, or there is none: the packets so far once more────────────▶ ┘

``is_hwaccel`` tells nothing: it stays true where FFmpeg has fallen back to software. Only a frame's own format does.

Not run on a card yet: ``open_hardware`` beyond its refusals. What it copies from one context to the other, and every step
above, are tested in software.
"""

import contextlib
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Literal, Protocol

import av.error
import structlog
from av.codec.codec import Codec, UnknownCodecError
from av.codec.context import CodecContext
from av.codec.hwaccel import HWAccel, HWDeviceType
from av.video.codeccontext import VideoCodecContext

MAX_SILENT_PACKETS = 300
"""Packets without a frame after which the card is given up: five seconds at 60 fps."""
MAX_KEPT_MB = 64.0
"""Of packets that are kept until the card has shown a frame."""
SURFACE_FORMATS = ("nv12", "p010le", "p016le")
"""What PyAV can hand over by DLPack, and ``device_frames`` scales."""

State = Literal["proving", "hardware", "waiting", "software"]
_FAILURES = (av.error.FFmpegError, RuntimeError, OSError)
_SURFACES = 24  # 16 references at most, FFmpeg's own, and those that are on their way
_log = structlog.get_logger()


class VideoDecoder(Protocol):
    def decode(self, packet: Any) -> list[Any]:
        """The frames that this packet completes; a packet of None empties the decoder."""
        ...


def surfaces_mb(width: int, height: int, *, ten_bits: bool = False) -> float:
    """Video memory that decoding one stream takes on the card, on paper: NV12 or P010 surfaces, as many as a stream may need."""
    return _SURFACES * 1.5 * width * height * (2 if ten_bits else 1) / 1e6


def is_on_card(frame: Any) -> bool:
    return bool(frame.format.name == "cuda")


def open_hardware(software: VideoCodecContext, device: str) -> VideoCodecContext | None:
    """A decoder on ``device`` ("cuda", "cuda:N") for the same stream, or None, which is said in the log with the reason.

    It uses PyTorch's CUDA context, so that neither copies nor a second context (hundreds of MB) come between the two.
    """
    try:
        context = _open(software, device)
    except (av.error.FFmpegError, UnknownCodecError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        _say(f"{software.codec.canonical_name}: {_words(error)}")
        return None
    if context is None:
        _say(f"FFmpeg has no NVDEC for {software.codec.canonical_name}")
    return context


def _open(software: VideoCodecContext, device: str) -> VideoCodecContext | None:
    codec = Codec(software.codec.canonical_name, "r")  # FFmpeg's own decoder: libdav1d and its like know no hardware
    if not any(config.device_type == HWDeviceType.cuda and config.is_supported for config in codec.hardware_configs):
        return None
    index = int(device.partition(":")[2] or 0)
    # FFmpeg refuses the primary context once PyTorch has made it ("incompatible flags"), but takes the thread's current one.
    _make_current(index)
    accel = HWAccel(
        "cuda",
        device=str(index),
        allow_software_fallback=False,
        is_hw_owned=True,
        options={"primary_ctx": "0", "current_ctx": "1"},
    )
    context: Any = CodecContext.create(codec, "r", hwaccel=accel)
    copy_parameters(software, context)
    context.thread_count = 1  # the card does the work; more threads would only take more surfaces
    context.open()
    opened: VideoCodecContext = context
    return opened


def _make_current(index: int) -> None:
    """PyTorch's context of this device, for this thread. RuntimeError: there is no such device."""
    import torch

    if index >= torch.cuda.device_count():
        raise RuntimeError(f"PyTorch sees {torch.cuda.device_count()} CUDA devices")
    torch.cuda.set_device(index)
    torch.zeros(1, device=f"cuda:{index}")


def copy_parameters(source: VideoCodecContext, target: VideoCodecContext) -> None:
    """What a container tells of its video stream, as far as a decoder needs it. ``target`` is not open yet."""
    if source.extradata:
        target.extradata = source.extradata
    target.width, target.height = source.width, source.height
    target.bits_per_coded_sample = source.bits_per_coded_sample
    target.reorder_depth = source.reorder_depth  # else the first frames may come out of order, where no header tells it
    target.sample_aspect_ratio = source.sample_aspect_ratio or Fraction(0, 1)
    target.color_range, target.colorspace = source.color_range, source.colorspace
    target.color_primaries, target.color_trc = source.color_primaries, source.color_trc


class HardwareFirst:
    """Decodes on the card while that works and then in software, from a keyframe on. Never a dead stream.

    ``give_up`` is called once, when the card is left and before software's first frame. Data that cannot be decoded raises
    InvalidDataError, as with any decoder. Not thread-safe.
    """

    def __init__(self, hardware: VideoDecoder, software: VideoDecoder, give_up: Callable[[], None]) -> None:
        self._hardware: VideoDecoder | None = hardware
        self._software = software
        self._give_up = give_up
        self._state: State = "proving"
        self._kept: list[Any] = []  # until the card has shown a frame
        self._silent = 0

    @property
    def state(self) -> State:
        return self._state

    def decode(self, packet: Any) -> list[Any]:
        """The frames that this packet completes; a packet of None empties the decoder."""
        if self._state == "proving":
            return self._prove(packet)
        if self._state == "hardware":
            return self._go_on(packet)
        if self._state == "waiting":
            if packet is None or not packet.is_keyframe:
                return []
            self._state = "software"
        return self._software.decode(packet)

    def fail(self, reason: str) -> None:
        """The card's frames are of no use any more, for a reason that shows only later."""
        if self._state == "hardware":
            self._leave("waiting", reason)

    def _prove(self, packet: Any) -> list[Any]:
        assert self._hardware is not None
        self._kept.append(packet)
        frames, reason = [], ""
        try:
            frames = self._hardware.decode(packet)
        except av.error.InvalidDataError as error:
            if packet is not None and not packet.is_keyframe and not self._is_full:
                raise  # a stream that is joined between keyframes begins like this
            reason = _words(error)
        except _FAILURES as error:
            reason = _words(error)
        if frames and not (reason := _unfit(frames[0])):
            self._state, self._kept = "hardware", []
            return frames
        if not reason and (packet is None or self._is_full):
            reason = f"no picture in {len(self._kept)} packets"
        return self._start_over(reason) if reason else []

    def _go_on(self, packet: Any) -> list[Any]:
        assert self._hardware is not None
        self._silent += 1
        if self._silent > MAX_SILENT_PACKETS:
            self._leave("waiting", f"no picture in {MAX_SILENT_PACKETS} packets")
            return self.decode(packet)
        try:
            frames = self._hardware.decode(packet)
        except (av.error.InvalidDataError, av.error.EOFError):
            raise
        except _FAILURES as error:
            self._leave("waiting", _words(error))
            return self.decode(packet)
        self._silent = 0 if frames else self._silent
        return frames

    @property
    def _is_full(self) -> bool:
        size = sum(packet.size for packet in self._kept if packet is not None)
        return len(self._kept) >= MAX_SILENT_PACKETS or size >= MAX_KEPT_MB * 1e6

    def _start_over(self, reason: str) -> list[Any]:
        kept, self._kept = self._kept, []
        self._leave("software", reason)
        frames: list[Any] = []
        for packet in kept:
            with contextlib.suppress(av.error.FFmpegError):  # bad data that was counted when the card refused it
                frames += self._software.decode(packet)
        return frames

    def _leave(self, state: State, reason: str) -> None:
        _say(reason)
        self._state, self._hardware = state, None  # the context goes, and with it its surfaces
        self._give_up()


def _unfit(frame: Any) -> str:
    """Why this first frame is none that can be used on the card, or nothing."""
    if not is_on_card(frame):
        return "FFmpeg fell back to software by itself"
    if frame.sw_format.name not in SURFACE_FORMATS:
        return f"{frame.sw_format.name} frames cannot be taken over from the card"
    return ""


def _words(error: Exception) -> str:
    """FFmpeg's errors without their numbers; never empty."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _say(reason: str) -> None:
    _log.warning("the picture is decoded in software, not on the card", reason=" ".join(reason.split())[:200])
