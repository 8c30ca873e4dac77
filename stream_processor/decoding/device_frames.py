"""NV12 pictures on a device, as NVDEC leaves them there, to analysis frames and RGB pictures on the same device.

The same filters as those that ``decode`` has FFmpeg's scaler use on the CPU, as products with matrices: down · picture · across.
Two of them per plane are nearly all that a frame costs, and any ratio is exact.

Per 1080p frame to 320 × 180: 0.9 GFLOP, 3.1 MB read, and 12 MB of working memory in between.

Runs on any torch device. On a CPU it is held against FFmpeg's scaler by the tests; it has not run on a card yet.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.dlpack import from_dlpack

Filter = Callable[[npt.NDArray[np.float64], float], npt.NDArray[np.float64]]
"""Weights of source pixels at these distances (in source pixels) from a target pixel's centre; source pixels per target pixel."""

_CHROMA_SHIFT = 0.25
"""Chroma lies at the left of each pair of luma pixels in H.264, HEVC and MPEG-2, a quarter of its own pixel off the middle."""

_MATRICES_KEPT = 32  # four per size of picture

_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_RED_BLUE = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
    10: (0.2627, 0.0593),
}
"""What red and blue weigh in luma, by FFmpeg's AVCOL_SPC number. All others, unknown ones too, are BT.601, as FFmpeg has it."""
_BT601 = (0.299, 0.114)


def area(distance: npt.NDArray[np.float64], ratio: float) -> npt.NDArray[np.float64]:
    """How much of each source pixel the target pixel covers: the exact area average."""
    return np.clip((ratio + 1) / 2 - np.abs(distance), 0, min(ratio, 1.0))


def bicubic(distance: npt.NDArray[np.float64], ratio: float) -> npt.NDArray[np.float64]:
    """Keys' cubic with a = −0.6, FFmpeg's own, stretched when the picture shrinks so that nothing aliases."""
    x, a = np.abs(distance) / max(ratio, 1.0), -0.6
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def resampling(source: int, target: int, weigh: Filter, shift: float = 0.0) -> npt.NDArray[np.float32]:
    """The matrix float32 (target, source) that scales a row; what lies beyond an edge is the edge's own pixel.

    ``shift``: how far to the left of where they would be centred the source's pixels lie, in source pixels.
    """
    ratio = source / target
    centres = (np.arange(target) + 0.5) * ratio - 0.5 + shift
    reach = math.ceil(2 * max(ratio, 1.0)) + 1
    taps = np.floor(centres)[:, None] + np.arange(-reach, reach + 2)
    weights = weigh(taps - centres[:, None], ratio)
    matrix = np.zeros((target, source))
    np.add.at(matrix, (np.arange(target)[:, None], np.clip(taps, 0, source - 1).astype(np.int64)), weights)
    scaled: npt.NDArray[np.float32] = (matrix / matrix.sum(axis=1, keepdims=True)).astype(np.float32)
    return scaled


def working_mb(width: int, height: int) -> float:
    """Device memory that scaling one frame of this size takes for a moment, on paper: its NV12 as float32, twice."""
    return 2 * 4 * 1.5 * width * height / 1e6


class DeviceScaler:
    """Scales the frames of one stream on one device. Used by one thread; its work is put on the device's current stream.

    Frames are PyAV's, NV12 or P010/P016, with planes on that device; they may be let go as soon as a method returns: FFmpeg
    writes into a surface again by the default stream too, hence after it was read. RuntimeError: no memory, a lost device, or
    a pixel format that is none of these.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._matrices: dict[tuple[int, int, Filter, float], torch.Tensor] = {}

    def i420(self, frame: Any, height: int, width: int) -> torch.Tensor:
        """uint8 (height * 3 / 2, width): Y rows, then U and V, area averages in limited range, as on the CPU."""
        y, uv = self._planes(frame)
        luma = self._scaled(y[None], height, width, area)
        chroma = self._scaled(uv, height // 2, width // 2, area)
        if frame.color_range == _FULL_RANGE:
            luma, chroma = luma * (219 / 255) + 16, (chroma - 128) * (224 / 255) + 128
        return _rounded(torch.cat([luma.reshape(height, width), chroma.reshape(height // 2, width)]))

    def rgb(self, frame: Any, height: int, width: int) -> torch.Tensor:
        """uint8 (height, width, 3), bicubic; matrix and range are the frame's own (BT.601 and limited where it has none)."""
        y, uv = self._planes(frame)
        luma = self._scaled(y[None], height, width, bicubic)[0]
        u, v = self._scaled(uv, height, width, bicubic, _CHROMA_SHIFT) - 128
        if frame.color_range != _FULL_RANGE:
            luma, u, v = (luma - 16) * (255 / 219), u * (255 / 224), v * (255 / 224)
        red, blue = _RED_BLUE.get(frame.colorspace, _BT601)
        green = 1 - red - blue
        r = luma + 2 * (1 - red) * v
        b = luma + 2 * (1 - blue) * u
        g = luma - 2 * (1 - red) * (red / green) * v - 2 * (1 - blue) * (blue / green) * u
        return _rounded(torch.stack([r, g, b], dim=2))

    def _planes(self, frame: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Y as float32 (h, w) and UV as (2, h / 2, w / 2), 0 … 255; ten and more bits keep their fractions."""
        # The capsule is asked for by hand: from_dlpack(plane) would name a stream, which PyAV's planes refuse.
        y, uv = (from_dlpack(plane.__dlpack__()) for plane in frame.planes[:2])
        if uv.ndim != 3:
            raise RuntimeError("planar frames cannot be scaled on the device")
        scale = 1.0 if y.dtype == torch.uint8 else 1 / 256  # P010 has its ten bits at the upper end of sixteen
        y, uv = y.to(torch.float32), uv.permute(2, 0, 1).to(torch.float32)
        return (y, uv) if scale == 1.0 else (y * scale, uv * scale)

    def _scaled(self, planes: torch.Tensor, height: int, width: int, weigh: Filter, shift: float = 0.0) -> torch.Tensor:
        """float32 (n, h, w) to (n, height, width)."""
        down = self._matrix(planes.shape[1], height, weigh, 0.0)
        across = self._matrix(planes.shape[2], width, weigh, shift)
        return down @ planes @ across.T  # down first: the shorter side of a picture is the cheaper one

    def _matrix(self, source: int, target: int, weigh: Filter, shift: float) -> torch.Tensor:
        key = (source, target, weigh, shift)
        if key not in self._matrices:
            if len(self._matrices) >= _MATRICES_KEPT:
                self._matrices.clear()
            self._matrices[key] = torch.from_numpy(resampling(*key)).to(self._device)
        return self._matrices[key]


def put(slot: Any, scaled: torch.Tensor) -> None:
    """Write what was scaled where it belongs, on the device or, should its memory lie there, on the host."""
    if isinstance(slot, np.ndarray):
        slot[...] = scaled.cpu().numpy()
    else:
        slot.copy_(scaled)


def _rounded(values: torch.Tensor) -> torch.Tensor:
    return values.add_(0.5).clamp_(0, 255).to(torch.uint8)
