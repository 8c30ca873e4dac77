"""Farnebäck in PyTorch: the same flow as OpenCV's, however many pairs go through at once."""

import weakref
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from scorers.farneback import Farneback, workspace_mb
from scorers.flow import PARAMETERS, Parameters
from tests.scorers.films import luma_frames

STILL_PIXELS = 0.01
"""Less mean flow than this is a still picture: what is measured there turns on the last bits at the border, where a flow of
−1e-9 pixels leads out of the frame and one of +1e-9 does not.
"""

Images = npt.NDArray[np.uint8]


def by_opencv(frames: Images, parameters: Parameters = PARAMETERS) -> npt.NDArray[np.float64]:
    """Mean length of the flow from each frame to the next, in pixels."""
    flows = [
        cv2.calcOpticalFlowFarneback(before, after, None, pyr_scale=0.5, flags=0, **parameters._asdict())
        for before, after in pairwise(frames)
    ]
    return np.array([np.hypot(flow[..., 0], flow[..., 1]).mean(dtype=np.float64) for flow in flows])


def by_torch(frames: Images, parameters: Parameters = PARAMETERS, device: str = "cpu") -> npt.NDArray[np.float64]:
    flow = Farneback(*frames.shape[1:], device=device, parameters=parameters)
    with torch.inference_mode():
        first = torch.arange(len(frames) - 1, device=device)
        return flow.mean_flow(torch.tensor(frames, device=device), first).cpu().double().numpy()


def texture(height: int, width: int, shift: tuple[float, float] = (0.0, 0.0), seed: int = 0) -> Images:
    """A soft texture, moved by ``shift`` pixels (across, down)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float64)
    y, x = y - shift[1], x - shift[0]
    waves = zip(random.uniform(-0.4, 0.4, (8, 2)), random.uniform(0, 6, 8), strict=True)
    return np.clip(128 + 14 * sum(np.sin(a * x + b * y + phase) for (a, b), phase in waves), 0, 255).astype(np.uint8)


# ---- the same as OpenCV's ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("film", "from_seconds"),
    [
        ("sintel_trailer_480p.mp4", 22),
        ("bbb_0_30_720p.webm", 10),
        ("walking_crowd_14s.mp4", 4),
        ("gameplay_spaceshooter_24s.mp4", 8),
        ("gameplay_minecraft_5s.mp4", 0),
        ("intel_car_detection_30s.mp4", 5),
        ("media3_rooftop_17s.mp4", 3),
        ("planted_dev.mp4", 0),
    ],
)
def test_on_real_films_every_pair_is_within_five_percent_of_opencv(
    media: Callable[[str], Path], film: str, from_seconds: float
) -> None:
    frames = luma_frames(media(film), 11, from_seconds=from_seconds)
    expected, got = by_opencv(frames), by_torch(frames)
    moving = expected > STILL_PIXELS
    np.testing.assert_allclose(got[moving], expected[moving], rtol=0.05)
    np.testing.assert_allclose(got[~moving], expected[~moving], atol=STILL_PIXELS)
    assert np.corrcoef(got, expected)[0, 1] >= 0.99


@pytest.mark.parametrize(
    ("height", "width"), [(180, 320), (18, 32), (182, 322), (181, 321), (33, 31), (320, 90), (64, 64), (65, 127), (4, 16), (1, 1)]
)
def test_at_any_size_it_is_opencvs_flow(height: int, width: int) -> None:
    frames = np.stack([texture(height, width, (0.7 * step, -0.4 * step)) for step in range(3)])
    np.testing.assert_allclose(by_torch(frames), by_opencv(frames), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("shift", [(1.0, 0.0), (0.0, 2.0), (-2.5, 1.5)])
def test_a_shifted_texture_moves_by_its_shift_and_as_in_opencv(shift: tuple[float, float]) -> None:
    frames = np.stack([texture(120, 160), texture(120, 160, shift)])
    flow = Farneback(120, 160).flow(torch.tensor(frames), torch.tensor([0]))[0]
    inner = flow[:, 30:-30, 30:-30].mean(dim=(1, 2))
    assert inner.tolist() == pytest.approx(shift, rel=0.1, abs=0.1)
    np.testing.assert_allclose(by_torch(frames), by_opencv(frames), rtol=1e-3)


def test_noise_gives_opencvs_flow_too() -> None:
    frames = np.random.default_rng(1).integers(0, 256, (4, 90, 160), dtype=np.uint8)
    np.testing.assert_allclose(by_torch(frames), by_opencv(frames), rtol=1e-3)


def test_black_does_not_move_at_all_and_a_still_picture_next_to_nothing() -> None:
    black, still = np.zeros((2, 90, 160), np.uint8), np.stack([texture(90, 160)] * 2)
    assert by_torch(black).tolist() == [0.0]
    assert by_torch(still).max() < STILL_PIXELS
    assert by_opencv(still).max() < STILL_PIXELS


def test_a_cut_to_another_picture_stays_finite_and_as_in_opencv() -> None:
    frames = np.stack([texture(90, 160, seed=1), texture(90, 160, seed=2), np.zeros((90, 160), np.uint8)])
    np.testing.assert_allclose(by_torch(frames), by_opencv(frames), rtol=0.05)


@pytest.mark.parametrize(
    "parameters",
    [Parameters(winsize=7), Parameters(levels=1, iterations=2), Parameters(poly_n=7, poly_sigma=1.5), Parameters(levels=0)],
)
def test_other_parameters_mean_what_they_mean_to_opencv(parameters: Parameters) -> None:
    frames = np.stack([texture(90, 160), texture(90, 160, (1.5, 0.5))])
    np.testing.assert_allclose(by_torch(frames, parameters), by_opencv(frames, parameters), rtol=1e-3)


# ---- many at once -----------------------------------------------------------------------------------------------------


def test_a_batch_gives_what_its_pairs_give_one_by_one() -> None:
    frames = torch.tensor(np.stack([texture(90, 160, (step**1.5, 0)) for step in range(7)]))
    flow = Farneback(90, 160)
    together = flow.mean_flow(frames, torch.arange(6))
    alone = [flow.mean_flow(frames[index : index + 2], torch.tensor([0]))[0] for index in range(6)]
    assert together.dtype == torch.float32
    torch.testing.assert_close(together, torch.stack(alone), rtol=1e-5, atol=1e-5)


def test_pairs_are_taken_where_they_are_asked_for() -> None:
    #  frames  a0 a1 a2 │ b0 b1        no pair across the bar
    #  first    0  1    │  3
    a = np.stack([texture(40, 60, (step, 0)) for step in range(3)])
    b = np.stack([texture(40, 60, (0, 2.5 * step), seed=1) for step in range(2)])
    got = Farneback(40, 60).mean_flow(torch.tensor(np.concatenate([a, b])), torch.tensor([0, 1, 3]))
    np.testing.assert_allclose(got.numpy(), np.concatenate([by_torch(a), by_torch(b)]), rtol=1e-5)


def test_no_step_waits_for_a_value() -> None:
    """What runs on tensors without values can be captured in a CUDA graph."""
    flow = Farneback(40, 60)
    with FakeTensorMode(allow_non_fake_inputs=True):
        means = flow.mean_flow(torch.zeros(3, 40, 60, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64))
    assert means.shape == (2,)


class _Living(TorchDispatchMode):
    """Counts the bytes of what is made within it: how many live ``now``, and at the ``peak``."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        given = {tensor.untyped_storage()._cdata for tensor in args if isinstance(tensor, torch.Tensor)}
        for tensor in made if isinstance(made, (list, tuple)) else [made]:
            storage = tensor.untyped_storage()
            if storage._cdata not in self._known | given:  # else a view
                self._known.add(storage._cdata)
                self.now += storage.nbytes()
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._forget, storage._cdata, storage.nbytes())
        return made

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


@pytest.mark.parametrize(("height", "width", "pairs", "runs"), [(90, 160, 5, 1), (90, 160, 4, 4), (36, 64, 1, 1), (40, 32, 9, 3)])
def test_it_takes_the_memory_that_it_says(height: int, width: int, pairs: int, runs: int) -> None:
    flow = Farneback(height, width)
    first = torch.arange(pairs) + torch.arange(runs).repeat_interleave(pairs // runs)
    frames = torch.zeros(pairs + runs, height, width, dtype=torch.uint8)
    with torch.no_grad(), _Living() as living:
        flow.mean_flow(frames, first)
    assert living.peak / 1e6 == pytest.approx(workspace_mb(height, width, pairs=pairs, frames=pairs + runs), rel=0.02)


@pytest.mark.cuda
def test_a_cuda_device_gives_what_the_cpu_gives() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    frames = np.stack([texture(180, 320, (1.5 * step, 0.5 * step)) for step in range(6)])
    np.testing.assert_allclose(by_torch(frames, device="cuda"), by_torch(frames), rtol=1e-3)


@pytest.mark.cuda
def test_a_cuda_graph_gives_the_same_again() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    flow = Farneback(90, 160, device="cuda")
    frames = torch.tensor(np.stack([texture(90, 160, (step, 0)) for step in range(4)]), device="cuda")
    first = torch.arange(3, device="cuda")
    with torch.inference_mode():
        expected = flow.mean_flow(frames, first)  # also makes cuBLAS's workspace, which a capture must not
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            means = flow.mean_flow(frames, first)
        graph.replay()
        torch.testing.assert_close(means, expected, rtol=1e-5, atol=1e-6)
