"""A card's scorers and what takes their place, with torch's CPU device as the card and its errors thrown by hand."""

import sys
import weakref
from typing import Any

import numpy as np
import pytest
import torch

from scorers.ladder import Ladder
from scorers.motion import OpticalFlow
from scorers.motion_torch import TorchFlow
from scorers.novelty_clip import ClipNovelty
from scorers.on_device import bound_memory, left_for_scoring_mb, motion_on, novelty_on, pairs_within
from stream_processor.errors import ScorerError
from stream_processor.records import Pane, Samples
from tests.scorers.conftest import TinyClip
from tests.scorers.scenes import Scene

PANE = Pane(0, 0, 0.0, 1.0, Scene(seconds=1.0).frames(), Scene(seconds=1.0).pictures(), sound=None)


def values(ladder: Ladder) -> Samples:
    (samples,) = ladder.score([(ladder.start(), PANE)])
    return samples


def test_motion_on_a_device_is_opencvs_motion() -> None:
    ladder = motion_on("cpu", max_mb=0, frame=(180, 320))
    (expected,) = OpticalFlow().score([(OpticalFlow().start(), PANE)])
    np.testing.assert_allclose(values(ladder).values, expected.values, rtol=1e-3)
    assert (ladder.kind, ladder.falls) == ("farneback", 0)


def test_motion_does_with_ever_fewer_pairs_and_at_last_without_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    #  pairs at once   2 ─▶ 1 ─▶ OpenCV on the CPU
    tried: list[int] = []

    def full(flow: TorchFlow, batch: Any) -> Any:
        tried.append(flow.max_pairs)
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    monkeypatch.setattr(TorchFlow, "score", full)
    ladder = motion_on("cpu", max_mb=65, frame=(180, 320))
    (expected,) = OpticalFlow().score([(OpticalFlow().start(), PANE)])
    np.testing.assert_array_equal(values(ladder).values, expected.values)
    assert tried == [2, 1]
    assert (ladder.kind, ladder.falls) == ("farneback", 1), "the same values: its history need not begin anew"


def test_a_lost_device_leaves_novelty_to_the_light_form_and_holds_no_memory_there(
    tiny_clip: TinyClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: Any) -> Any:
        raise RuntimeError("CUDA error: unspecified launch failure")

    clip = ClipNovelty(tiny_clip.embedder, picture_fps=5.0)
    held = weakref.ref(clip)
    ladder = novelty_on("cpu", clip)
    del clip
    assert (ladder.picture_size, ladder.picture_fps) == (tiny_clip.embedder.picture_size, 5.0)
    monkeypatch.setattr(ClipNovelty, "score", lost)
    assert len(values(ladder).values) == len(values(ladder).times)
    assert (ladder.kind, ladder.falls) == ("light", 1)
    assert held() is None


def test_short_of_memory_clip_takes_smaller_batches_then_fewer_pictures_then_gives_way(
    tiny_clip: TinyClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(tiny_clip.embedder, "max_batch", 2)
    ladder = novelty_on("cpu", ClipNovelty(tiny_clip.embedder, picture_fps=5.0))
    monkeypatch.setattr(ClipNovelty, "score", full)
    values(ladder)
    assert ladder.shrinks == 3, "2 to 1 pictures at once; 5 to 2.5 to 1.25 pictures a second"
    assert ladder.kind == "light"


@pytest.mark.parametrize(("max_mb", "pairs"), [(0, 64), (65, 2), (1, 1), (1e6, 64)])
def test_so_many_pairs_fit_into_a_quarter_of_the_budget(max_mb: float, pairs: int) -> None:
    assert pairs_within(max_mb, (180, 320)) == pairs


def test_what_cuda_and_decoding_take_is_no_budget_for_scoring() -> None:
    assert left_for_scoring_mb(2000, channels=4) == 2000 - 500 - 4 * 75
    assert left_for_scoring_mb(0, channels=4) == 0, "no limit"
    with pytest.raises(ScorerError, match="about 575 MB"):
        left_for_scoring_mb(300, channels=1)


@pytest.mark.skipif("torch" in sys.modules and torch.cuda.is_available(), reason="there is a card")
def test_a_budget_for_a_card_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ScorerError, match=r"device\.max_mb: cuda:0 cannot be asked") as raised:
        bound_memory("cuda:0", 500)
    assert "\n" not in str(raised.value)


@pytest.mark.cuda
@pytest.mark.skipif("not torch.cuda.is_available()", reason="needs a CUDA device")
def test_the_allocator_takes_no_more_than_the_budget() -> None:
    bound_memory("cuda:0", 500)
    try:
        with pytest.raises(torch.OutOfMemoryError):
            torch.empty(600_000_000, dtype=torch.uint8, device="cuda:0")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, 0)
