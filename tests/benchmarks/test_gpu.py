"""The GPU benchmark's own code, run on the CPU at a size that costs nothing."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from benchmarks import gpu
from benchmarks.device_load import FLOW_FPS, Load, Sizes, moving, parts
from benchmarks.gpu import Case, Plan
from benchmarks.report import RunSettings, Skipped, markdown
from benchmarks.vit import TINY, Tower

SIZES = Sizes(frame=(48, 64), picture=(64, 112), seen=64)


def load(channels: int, clip_fps: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Load:
    torch.manual_seed(0)
    tower = Tower(TINY).eval().requires_grad_(False).to(device, dtype)
    flow, embed = parts("eager", tower, SIZES, device)
    return Load(channels, clip_fps, device=device, flow=flow, tower=embed, dtype=dtype, sizes=SIZES)


def test_one_and_two_channels_run_dry_on_the_cpu() -> None:
    cases = [Case("eager", clip_fps, channels) for clip_fps in (0, 1) for channels in (1, 2)]
    asked = Plan("cpu", cases, 1, sizes=SIZES, shape=TINY, ceiling=(1, 32), plain_tower=True)
    report = gpu.measured(asked, lambda line: None)
    assert [row[:3] for row in report.tables[2].rows] == [tuple(case) for case in cases]
    assert "NVDEC needs a CUDA device" in markdown(report)


def test_without_a_card_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(Skipped, match="no CUDA device"):
        gpu.run(RunSettings())


def test_a_channel_is_scored_the_same_beside_others() -> None:
    alone, many = load(1, 1), load(34, 1)  # more than are measured at once
    for each in (alone, many):
        with torch.inference_mode():
            each.second()
            each.second()
    (moved, embedded), (moved_too, embedded_too) = alone.download(), many.download()
    assert moved_too.shape == (34 * FLOW_FPS,)
    np.testing.assert_allclose(moved_too[:FLOW_FPS], moved, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(embedded_too[:1], embedded, atol=1e-5)


def test_what_moves_faster_has_more_flow() -> None:
    with torch.inference_mode():
        (many := load(7, 0)).second()
    moved = many.download()[0].reshape(7, FLOW_FPS)[:, 1:].mean(axis=1)
    assert moved[6] > moved[0] > 0


def test_made_pictures_move_by_whole_pixels() -> None:
    found = moving(2, 3, 32, 40)
    np.testing.assert_array_equal(found[0, 0][:, 1:], found[0, 1][:, :-1])  # the first moves across by one
    np.testing.assert_array_equal(found[1, 0][1:, 2:], found[1, 1][:-1, :-2])  # the second across by two and down by one


def test_scoring_needs_neither_pyav_nor_opencv_nor_open_clip() -> None:
    script = (
        "import sys; sys.modules.update(dict.fromkeys(('av', 'cv2', 'open_clip', 'pydantic', 'scipy')));"
        "import benchmarks.gpu, benchmarks.report; print('ok')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "ok", done.stderr


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_graph_scores_as_eager_does() -> None:
    from benchmarks.device_load import way

    found = []
    for mode in ("eager", "graph"):
        each = load(3, 1, "cuda", torch.float16)
        with torch.inference_mode():
            each.upload()
            way(mode, each.score)()
            each.score()
        found.append(each.download())
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-2)
