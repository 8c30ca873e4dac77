"""Memory for sampled frames on a CUDA device: one preallocated tensor, into which panes are views.

::

    software decoding   decoder ─▶ pinned host block ─copy stream─▶ block of the tensor ─▶ pane     PinnedMemory
    NVDEC               decoder ─▶ surface ─scaled on the device──▶ block of the tensor ─▶ pane     DeviceMemory

All that reads or writes the tensor is put on the device's default stream, scoring and NVDEC's scaling alike, and is in order
by that. Copies from the host alone have a stream of their own; the two wait for each other on the device, never the host for
the device, except for a copy out of the very block that is to be filled again, a pane later. Who scores on another stream
waits for the default stream first.

Every line runs on torch's CPU device in the tests; the order between streams has not run on a card yet.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
import structlog
import torch

from stream_processor.decoding.frame_memory import FrameMemory, HostRing, MakeMemory

_log = structlog.get_logger()


def memories(device: str, filled_by: Literal["host", "device"] = "host") -> MakeMemory:
    """Where frames lie that are scored on ``device``: "cpu", "cuda" or "cuda:N".

    ``filled_by``: software decoding writes from the host, NVDEC on the device. Where the device has no room for them, frames
    stay in the host's memory, which is said in the log; scorers then fetch them themselves.
    """
    if device == "cpu":
        return HostRing
    form: Callable[..., FrameMemory] = PinnedMemory if filled_by == "host" else DeviceMemory
    return partial(_make, form, device)


def _make(form: Callable[..., FrameMemory], device: str, blocks: int, frames: int, shape: tuple[int, ...]) -> FrameMemory:
    try:
        return form(blocks, frames, shape, device=device)
    except RuntimeError as error:  # torch's own errors, out of memory and a lost device among them, are RuntimeErrors
        _log.warning("frames stay in the host's memory", device=device, reason=in_short(error))
        return HostRing(blocks, frames, shape)


class DeviceMemory:
    """A tensor uint8 (blocks, frames, \\*shape) that is filled where it lies: slots and panes are views of it."""

    def __init__(self, blocks: int, frames: int, shape: tuple[int, ...], *, device: str) -> None:
        self._blocks = torch.empty((blocks, frames, *shape), dtype=torch.uint8, device=device)
        self._next = 0

    def take(self) -> Any:
        block = self._blocks[self._next]
        self._next = (self._next + 1) % len(self._blocks)
        return block

    def grow(self, block: Any) -> Any:
        return torch.cat([block, torch.empty_like(block)])

    def seal(self, block: Any | None, count: int) -> Any:
        return self._blocks[0, :0] if block is None else block[:count]


class PinnedMemory:
    """Two pinned blocks on the host, filled in turn, and a tensor uint8 (blocks, frames, \\*shape) that they are copied to.

    Slots are numpy views of the pinned blocks, panes are views of the tensor. A pane is copied as a whole when it is sealed,
    while the next one is being filled. If the device is lost, panes are numpy arrays from then on.
    """

    def __init__(self, blocks: int, frames: int, shape: tuple[int, ...], *, device: str) -> None:
        self._on_device = torch.empty((blocks, frames, *shape), dtype=torch.uint8, device=device)
        self._next = 0
        self._copies = _Copies(torch.device(device))
        self._pinned = torch.empty((2, frames, *shape), dtype=torch.uint8, pin_memory=self._on_device.is_cuda)
        self._blocks = [self._pinned[turn].numpy() for turn in range(2)]
        self._copied: list[Any | None] = [None, None]
        self._turn = 0
        self._room = (blocks, frames, shape)
        self._instead: HostRing | None = None
        """Where frames lie once the device is lost."""

    def take(self) -> Any:
        if self._instead is None:
            self._turn = 1 - self._turn
            try:
                self._copies.after_scoring()
                self._copies.wait(self._copied[self._turn])
            except RuntimeError as error:
                self._lose(error)
        return self._blocks[self._turn] if self._instead is None else self._instead.take()

    def grow(self, block: Any) -> Any:
        return np.concatenate([block, np.empty_like(block)])

    def seal(self, block: Any | None, count: int) -> Any:
        if self._instead is None:
            try:
                return self._upload(block, count)
            except RuntimeError as error:
                self._lose(error)
        assert self._instead is not None
        return self._instead.seal(block, count)  # a pinned block too: it is never taken again

    def _upload(self, block: Any | None, count: int) -> Any:
        if block is None or count == 0:
            return self._on_device[0, :0]
        target = self._on_device[self._next]
        self._next = (self._next + 1) % len(self._on_device)
        if count > len(target):
            target = torch.empty((count, *target.shape[1:]), dtype=torch.uint8, device=target.device)
        copied = self._copies.copy(torch.from_numpy(block[:count]), target[:count])
        for turn, own in enumerate(self._blocks):
            if own is block:
                self._copied[turn] = copied
        return target[:count]

    def _lose(self, error: RuntimeError) -> None:
        _log.warning("frames stay in the host's memory", device=str(self._on_device.device), reason=in_short(error))
        self._instead = HostRing(*self._room)


class _Copies:
    """Copies from the host to a device, on a CUDA stream beside the default stream; on a CPU they are done at once."""

    def __init__(self, device: torch.device) -> None:
        self._scoring = torch.cuda.default_stream(device) if device.type == "cuda" else None
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def after_scoring(self) -> None:
        """Later copies begin after all that was put on the default stream before: what is overwritten has been read."""
        if self._stream is not None:
            self._stream.wait_stream(self._scoring)

    def copy(self, source: torch.Tensor, target: torch.Tensor) -> Any | None:
        """Begin a copy; whatever is put on the default stream later comes after it. Returns what ``wait`` takes."""
        if self._stream is None:
            target.copy_(source)
            return None
        assert self._scoring is not None
        with torch.cuda.stream(self._stream):
            target.copy_(source, non_blocking=True)
        copied = self._stream.record_event()
        self._scoring.wait_event(copied)
        return copied

    def wait(self, copied: Any | None) -> None:
        """Until the source may be written again."""
        if copied is not None:
            copied.synchronize()


def in_short(error: Exception) -> str:
    """The first line of PyTorch's long errors."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
