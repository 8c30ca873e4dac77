"""From pictures as decoders give them to analysis frames: whatever their range and format, the same values for the same light."""

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange

from stream_processor.decoding.scaling import HostScaler

SHADES = {"black": (0, 16), "grey": (128, 126), "white": (255, 235)}
"""Full-range luma, and the same shade in limited range."""


def plain(format: str, value: int, *, range: ColorRange) -> av.VideoFrame:
    if format == "bgr0":
        frame = av.VideoFrame.from_ndarray(np.full((72, 128, 4), value, np.uint8), format="bgra").reformat(format="bgr0")
    else:
        planes = np.full((108, 128), 128, np.uint8)
        planes[:72] = value
        frame = av.VideoFrame.from_ndarray(planes, format=format)
    frame.color_range = range
    return frame


def scaled(frame: av.VideoFrame, height: int) -> np.ndarray:
    slot = np.zeros((height * 3 // 2, height * 16 // 9), np.uint8)
    HostScaler().i420(frame, slot)
    return slot


@pytest.mark.parametrize("height", [72, 36], ids=["as it is", "halved"])
@pytest.mark.parametrize("format", ["yuvj420p", "yuv420p", "bgr0"])
@pytest.mark.parametrize("shade", SHADES)
def test_full_range_becomes_limited_range(shade: str, format: str, height: int) -> None:
    full, limited = SHADES[shade]
    slot = scaled(plain(format, full, range=ColorRange.JPEG), height)
    np.testing.assert_allclose(slot[:height].astype(int), limited, atol=1)
    np.testing.assert_allclose(slot[height:].astype(int), 128, atol=1)


@pytest.mark.parametrize("height", [72, 36], ids=["as it is", "halved"])
@pytest.mark.parametrize("range", [ColorRange.MPEG, ColorRange.UNSPECIFIED])
def test_limited_range_stays_as_it_is_beyond_black_and_white_too(range: ColorRange, height: int) -> None:
    for value in (3, 16, 100, 235, 250):
        slot = scaled(plain("yuv420p", value, range=range), height)
        assert set(np.unique(slot[:height]).tolist()) == {value}
