"""Scaling on a device, here torch's CPU device, held against FFmpeg's scaler, which does it where software decodes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
import torch
from av.video.reformatter import Interpolation, VideoReformatter
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.decoding.device_frames import DeviceScaler, area, bicubic, put, resampling, working_mb
from stream_processor.decoding.scaling import HostScaler

EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""FFmpeg's scaler without its short cuts: by default it halves the colours' resolution and is 1 to 2 steps too dark."""
FILMS = ["gameplay_minecraft_5s.mp4", "walking_crowd_14s.mp4", "sintel_trailer_480p.mp4"]
CARD = pytest.param("cuda", marks=[pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")])


def nv12(width: int, height: int, *, format: str = "nv12", banded: bool = False) -> Any:
    """A picture in all colours whose planes have gradients and edges; the chroma planes' go down only where ``banded``."""
    rows, columns = np.mgrid[0 : height * 3 // 2, 0:width] / 40
    planes = (np.sin(columns) + np.cos(rows * 1.3) + np.sign(np.sin(columns * rows / 9))) * 36 + 128
    if banded:
        chroma = rows[height:, 0]
        planes[height:] = np.tile(np.stack([np.sin(chroma), np.cos(chroma * 1.7)], axis=1) * 90 + 128, width // 2)
    frame = av.VideoFrame.from_ndarray(planes.astype(np.uint8), format="nv12")
    return frame if format == "nv12" else frame.reformat(format=format)


def difference(one: npt.NDArray[np.uint8], other: Any) -> tuple[int, float]:
    """Greatest and mean."""
    apart = np.abs(one.astype(int) - other.numpy().astype(int))
    return int(apart.max()), float(apart.mean())


def small(frame: Any, height: int, width: int) -> npt.NDArray[np.uint8]:
    planes: npt.NDArray[np.uint8] = (
        VideoReformatter().reformat(frame, width=width, height=height, format="yuv420p", interpolation="AREA").to_ndarray()
    )
    return planes


def picture(frame: Any, height: int, width: int, interpolation: Any = EXACT) -> npt.NDArray[np.uint8]:
    rgb: npt.NDArray[np.uint8] = (
        VideoReformatter().reformat(frame, width=width, height=height, format="rgb24", interpolation=interpolation).to_ndarray()
    )
    return rgb


# ---- the analysis frame ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["nv12", "p010le"])
@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1280, 720), (854, 480), (720, 576), (640, 360), (320, 180)])
def test_a_frame_is_averaged_as_ffmpeg_averages_it(width: int, height: int, format: str) -> None:
    frame = nv12(width, height, format=format)
    greatest, mean = difference(small(frame, 180, 320), DeviceScaler("cpu").i420(frame, 180, 320))
    assert greatest <= 1
    assert mean <= 0.3


@pytest.mark.parametrize("film", FILMS)
def test_real_frames_are_averaged_as_ffmpeg_averages_them(media: Callable[[str], Path], film: str) -> None:
    """The chroma planes' position is left out: FFmpeg, told of it, shifts them by up to half a pixel of the small picture."""
    scaler, frame = DeviceScaler("cpu"), real(media(film))
    planes, scaled = small(frame, 180, 320), scaler.i420(frame, 180, 320)
    assert difference(planes[:180], scaled[:180])[0] <= 1
    assert difference(planes[180:], scaled[180:])[1] <= 1.0


@pytest.mark.parametrize("size", [(96, 64), (48, 32)], ids=["as it is", "halved"])
def test_a_frame_in_full_range_becomes_one_in_limited_range_as_on_the_host(size: tuple[int, int]) -> None:
    width, height = size
    frame = nv12(96, 64)
    frame.color_range = 2
    slot = np.empty((height * 3 // 2, width), np.uint8)
    HostScaler().i420(frame, slot)
    greatest, mean = difference(slot, DeviceScaler("cpu").i420(frame, height, width))
    assert (greatest <= 2, mean <= 0.5) == (True, True)


def test_a_frame_of_the_wanted_size_is_left_as_it_is() -> None:
    frame = nv12(64, 32)
    assert difference(frame.reformat(format="yuv420p").to_ndarray(), DeviceScaler("cpu").i420(frame, 32, 64))[0] == 0


# ---- the picture -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colorspace", [1, 2, 4, 5, 6, 7, 9], ids=["709", "unknown", "fcc", "470bg", "170m", "240m", "2020"])
@pytest.mark.parametrize("color_range", [0, 1, 2], ids=["unknown", "limited", "full"])
def test_colours_are_converted_by_the_frame_s_own_matrix_and_range(colorspace: int, color_range: int) -> None:
    """Its colours lie in bands: a made frame has no chroma position, for which FFmpeg takes the middle, and we the left."""
    frame = nv12(960, 540, banded=True)
    frame.colorspace, frame.color_range = colorspace, color_range
    greatest, mean = difference(picture(frame, 224, 398), DeviceScaler("cpu").rgb(frame, 224, 398))
    assert greatest <= 2
    assert mean <= 0.1


@pytest.mark.parametrize("film", FILMS)
def test_real_pictures_are_what_ffmpeg_makes_of_them(media: Callable[[str], Path], film: str) -> None:
    frame = real(media(film))
    width = round(frame.width * 224 / frame.height)
    rgb = DeviceScaler("cpu").rgb(frame, 224, width)
    greatest, mean = difference(picture(frame, 224, width), rgb)
    assert (greatest <= 2, mean <= 0.05) == (True, True)
    # with its short cuts, as decode has it
    assert difference(picture(frame, 224, width, Interpolation.BICUBIC), rgb)[1] <= 3.0


@pytest.mark.parametrize(("luma", "grey"), [(16, 0), (126, 128), (235, 255), (0, 0), (255, 255)])
def test_black_is_black_and_white_is_white(luma: int, grey: int) -> None:
    planes = np.full((48, 32), 128, np.uint8)
    planes[:32] = luma
    rgb = DeviceScaler("cpu").rgb(av.VideoFrame.from_ndarray(planes, format="nv12"), 16, 16)
    assert (rgb == grey).all()


# ---- how it is done --------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([area, bicubic]), st.sampled_from([0.0, 0.25]))
def test_scaling_changes_no_flat_picture_and_mirrors_with_it(source: int, target: int, weigh: Any, shift: float) -> None:
    matrix = resampling(source, target, weigh, shift)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(matrix[::-1, ::-1], resampling(source, target, weigh, -shift), atol=1e-5)


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 40))
def test_an_area_average_counts_every_source_pixel_alike(factor: int, target: int) -> None:
    matrix = resampling(factor * target, target, area)
    np.testing.assert_allclose(matrix, np.repeat(np.eye(target), factor, axis=1) / factor, atol=1e-6)


def test_another_format_is_refused() -> None:
    with pytest.raises(RuntimeError, match="cannot be scaled on the device"):
        DeviceScaler("cpu").i420(nv12(64, 32, format="yuv420p"), 16, 32)


def test_frames_of_many_sizes_keep_few_matrices() -> None:
    scaler = DeviceScaler("cpu")
    for width in range(64, 104, 2):
        scaler.i420(nv12(width, 32), 16, 32)
    assert len(scaler._matrices) <= 32
    assert working_mb(1920, 1080) == pytest.approx(24.9, abs=0.1)


def test_what_was_scaled_is_written_to_either_memory() -> None:
    scaled = torch.arange(12, dtype=torch.uint8).reshape(3, 4)
    slots: list[Any] = [np.zeros((3, 4), np.uint8), torch.zeros(3, 4, dtype=torch.uint8)]
    for slot in slots:
        put(slot, scaled)
        assert slot.tolist() == scaled.tolist()


@pytest.mark.parametrize("device", [CARD])
def test_on_a_card_it_is_what_it_is_on_a_cpu(device: str) -> None:
    y, uv = (torch.utils.dlpack.from_dlpack(plane.__dlpack__()) for plane in nv12(1920, 1080).planes[:2])
    results = []
    for place in ("cpu", device):
        scaler = DeviceScaler(place)
        planes = y.to(place).float(), uv.to(place).permute(2, 0, 1).float()
        scaled = [scaler._scaled(planes[0][None], 180, 320, area), scaler._scaled(planes[1], 224, 398, bicubic, 0.25)]
        results.append([part.cpu() for part in scaled])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0.01)


def real(path: Path) -> Any:
    """A frame from the film's second second, as NV12."""
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == 40:
                return frame.reformat(format="nv12")
    raise AssertionError("a film of less than forty frames")
