"""What is particular to memory on a device: losing it, and having no room on it. The rest is in test_frame_memory."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from structlog.testing import capture_logs

from stream_processor.decoding.device_memory import DeviceMemory, PinnedMemory, memories
from stream_processor.decoding.frame_memory import HostRing
from stream_processor.records import Frames, Pictures, replace

LOST = "CUDA error: an illegal memory access was encountered\nCompile with TORCH_USE_CUDA_DSA"


def test_on_a_cpu_frames_lie_in_numpy_memory() -> None:
    assert memories("cpu") is HostRing
    assert memories("cpu", "device") is HostRing


def test_who_fills_it_decides_which_memory_it_is() -> None:
    assert isinstance(memories("cpu:0")(2, 3, (6, 16)), PinnedMemory)
    assert isinstance(memories("cpu:0", "device")(2, 3, (6, 16)), DeviceMemory)


@pytest.mark.parametrize("filled_by", ["host", "device"])
def test_where_the_device_has_no_room_frames_stay_on_the_host(filled_by: str) -> None:
    with capture_logs() as logs:
        memory = memories("cuda:99", filled_by)(2, 3, (6, 16))  # type: ignore[arg-type]
    assert isinstance(memory, HostRing)
    assert [line["event"] for line in logs] == ["frames stay in the host's memory"]


class Losable:
    """The copies to a device that is lost when told so."""

    def __init__(self) -> None:
        self.is_lost = False

    def _check(self) -> None:
        if self.is_lost:
            raise torch.AcceleratorError(LOST)

    def after_scoring(self) -> None:
        self._check()

    def copy(self, source: torch.Tensor, target: torch.Tensor) -> object:
        self._check()
        return target.copy_(source)

    def wait(self, _copied: object) -> None:
        self._check()


@pytest.mark.parametrize("is_lost_while_filling", [False, True])
def test_when_the_device_is_lost_no_frame_is_and_panes_go_on_as_numpy_arrays(is_lost_while_filling: bool) -> None:
    memory = PinnedMemory(3, 4, (2, 2), device="cpu")
    copies = memory._copies = Losable()  # type: ignore[assignment]
    panes = []
    with capture_logs() as logs:
        for number in range(9):
            copies.is_lost = copies.is_lost or (number == 4 and not is_lost_while_filling)
            block = memory.take()
            copies.is_lost = copies.is_lost or (number == 4 and is_lost_while_filling)
            block[0][...] = number
            panes.append(memory.seal(block, 1))
            if number >= 5:  # as many stay valid as ever
                assert [int(pane[0, 0, 0]) for pane in panes[max(4, number - 1) :]] == list(range(max(4, number - 1), number + 1))
    assert [type(pane) for pane in panes] == [torch.Tensor] * 4 + [np.ndarray] * 5
    assert [(line["event"], line["reason"]) for line in logs] == [("frames stay in the host's memory", LOST.splitlines()[0])]


def test_scorers_on_the_cpu_get_device_frames_as_numpy() -> None:
    planes = np.arange(2 * 6 * 16, dtype=np.uint8).reshape(2, 6, 16)
    on_device, on_host = Frames(np.arange(2.0), torch.from_numpy(planes)), Frames(np.arange(2.0), planes)
    assert on_host.host is on_host
    assert (on_device.height, tuple(on_device.luma.shape)) == (4, (2, 4, 16))
    np.testing.assert_array_equal(on_device.host.luma, on_host.luma)
    assert isinstance(on_device.host.planes, np.ndarray)
    rgb = np.zeros((1, 4, 4, 3), np.uint8)
    assert isinstance(Pictures(np.zeros(1), torch.from_numpy(rgb)).host.rgb, np.ndarray)


def test_shapes_of_tensors_are_checked_as_those_of_arrays_are() -> None:
    with pytest.raises(ValueError, match=r"planes of shape \(2, 5, 16\), expected \(2, height \* 3 / 2, width\)"):
        Frames(np.arange(2.0), torch.zeros(2, 5, 16, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"pictures of shape \(1, 4, 4\)"):
        Pictures(np.zeros(1), torch.zeros(1, 4, 4, dtype=torch.uint8))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
def test_a_block_is_not_written_again_before_its_copy_has_ended() -> None:
    """Large blocks, so that a copy is still under way when the next but one is filled; a busy default stream before it."""
    memory = PinnedMemory(4, 5, (1080, 1920), device="cuda")
    busy = torch.zeros(4096, 4096, device="cuda")
    for number in range(40):
        for _ in range(5):
            busy = busy @ busy
        block = memory.take()
        block[...] = number
        pane = memory.seal(block, 5)
        assert pane.is_cuda
        assert (pane == number).all().item()
    assert Fraction(busy.sum().item()) == 0


def test_the_light_scorers_score_device_frames_as_they_score_numpy_frames() -> None:
    from scorers.motion import OpticalFlow
    from scorers.novelty_light import LightNovelty
    from tests.scorers.scenes import Scene

    pane = Scene(seconds=2).panes()[0]
    assert pane.frames is not None
    same = replace(pane, frames=Frames(pane.frames.times, torch.from_numpy(pane.frames.planes)))
    for scorer in (OpticalFlow(), LightNovelty()):
        (expected,), (got,) = scorer.score([(scorer.start(), pane)]), scorer.score([(scorer.start(), same)])
        np.testing.assert_array_equal(got.values, expected.values)
