"""Motion on a device: OpenCV's values for the same panes, however they are batched and wherever their frames lie."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scorers.motion import OpticalFlow
from scorers.motion_torch import MAX_SIZES, TorchFlow
from stream_processor.contracts import Scorer
from stream_processor.records import Frames, Pane, Samples
from tests.scorers.films import luma_frames
from tests.scorers.scenes import Scene


def pane(frames: Frames | None, number: int = 0) -> Pane:
    return Pane(0, number, float(number), 1.0, frames, pictures=None, sound=None)


def joined(parts: Sequence[Samples]) -> Samples:
    return Samples(np.concatenate([part.times for part in parts]), np.concatenate([part.values for part in parts]))


def score(scorer: Scorer, frames: Sequence[Frames]) -> Samples:
    """One channel, pane after pane."""
    memory = scorer.start()
    return joined([scorer.score([(memory, pane(each, number))])[0] for number, each in enumerate(frames)])


def i420(luma: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    n, height, width = luma.shape
    return np.concatenate([luma, np.full((n, height // 2, width), 128, np.uint8)], axis=1)


def assert_same(got: Samples, expected: Samples, tolerance: float = 1e-5) -> None:
    np.testing.assert_array_equal(got.times, expected.times)
    np.testing.assert_allclose(got.values, expected.values, rtol=tolerance, atol=tolerance)


gaps = st.sampled_from([0.0, 0.1, 0.2, 1.9, 2.0, 2.1, -0.2])


@settings(max_examples=15, deadline=None)
@given(parts=st.lists(st.tuples(st.sampled_from([36, 40]), st.lists(gaps, max_size=4)), min_size=1, max_size=5))
def test_it_measures_the_pairs_that_the_scorer_on_the_cpu_measures(parts: list[tuple[int, list[float]]]) -> None:
    #  panes of one channel, of two sizes, with holes, frames of one time, and nothing at all in between
    seconds, frames = 1.0, []
    for height, steps in parts:
        times = [seconds := seconds + step for step in steps]
        frames.append(Frames(np.array(times), Scene(height=height, seconds=0.8).frames().planes[: len(times)]))
    assert_same(score(TorchFlow(), frames), score(OpticalFlow(), frames), tolerance=1e-3)


def test_on_a_real_film_its_values_are_those_of_the_scorer_on_the_cpu(media: Callable[[str], Path]) -> None:
    luma = luma_frames(media("walking_crowd_14s.mp4"), 11, from_seconds=4, height=90, width=160)
    times = np.arange(len(luma)) / 5
    frames = [Frames(times[part], i420(luma[part])) for part in (slice(0, 5), slice(5, 11))]
    assert_same(score(TorchFlow(), frames), score(OpticalFlow(), frames), tolerance=1e-3)


def test_panes_of_all_channels_and_sizes_are_batched_and_each_gets_its_own_values() -> None:
    #  batch  a0 b0 c0 a1 - b1     a, b of one size, c of another, - without frames; a twice in one batch
    scenes = [Scene(seed=1, seconds=2), Scene(seed=2, seconds=2, speed=0.3), Scene(seed=3, seconds=1, height=48)]
    a, b, c = (scene.panes([1] if scene.seconds > 1 else []) for scene in scenes)
    scorer = TorchFlow()
    memories = {name: scorer.start() for name in "abcd"}
    batch = [("a", a[0]), ("b", b[0]), ("c", c[0]), ("a", a[1]), ("d", pane(None)), ("b", b[1])]
    got = scorer.score([(memories[name], each) for name, each in batch])
    for name, panes in (("a", a), ("b", b), ("c", c)):
        mine = joined([samples for samples, (owner, _) in zip(got, batch, strict=True) if owner == name])
        assert_same(mine, score(TorchFlow(), [each.frames for each in panes if each.frames]))
    assert len(got[4].times) == 0


@pytest.mark.parametrize("max_pairs", [1, 2, 3, 7])
def test_how_many_pairs_go_at_once_changes_no_value(max_pairs: int) -> None:
    panes = Scene(seconds=3).panes([1, 2]) + Scene(seconds=2, seed=1).panes()
    frames = [each.frames for each in panes if each.frames]
    few, many = TorchFlow(max_pairs=max_pairs), TorchFlow(max_pairs=100)
    results = [joined(scorer.score([(scorer.start(), pane(each)) for each in frames])) for scorer in (few, many)]
    assert_same(*results)


def test_frames_that_lie_on_the_device_are_taken_as_they_are() -> None:
    frames = Scene(seconds=2).frames()
    host = [Frames(frames.times[part], frames.planes[part]) for part in (slice(0, 5), slice(5, 10))]
    ring = torch.zeros(5, *frames.planes.shape[1:], dtype=torch.uint8)
    scorer = TorchFlow()
    memory, parts = scorer.start(), []
    for part in host:
        ring.copy_(torch.tensor(part.planes))  # one block of memory, used again and again
        parts += scorer.score([(memory, pane(Frames(part.times, ring)))])
    assert_same(joined(parts), score(TorchFlow(), host))


def test_a_score_that_fails_leaves_all_memories_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Scene(seconds=2).panes([1])
    scorer = TorchFlow()
    memory = scorer.start()
    scorer.score([(memory, first)])
    luma, seconds = memory.luma, memory.seconds

    def out_of_memory(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as broken:
        broken.setattr("scorers.motion_torch.Farneback.mean_flow", out_of_memory)
        with pytest.raises(torch.OutOfMemoryError):
            scorer.score([(memory, second)])
    assert memory.luma is luma
    assert memory.seconds == seconds


def test_the_constants_of_many_sizes_do_not_pile_up() -> None:
    scorer = TorchFlow()
    for width in range(16, 16 + 2 * (MAX_SIZES + 3), 2):
        planes = np.zeros((2, 12, width), np.uint8)
        scorer.score([(scorer.start(), pane(Frames(np.array([0.0, 0.2]), planes)))])
    assert len(scorer._flows) == MAX_SIZES


@pytest.mark.cuda
def test_on_a_cuda_device_values_are_those_of_the_scorer_on_the_cpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    frames = [each.frames for each in Scene(seconds=4, height=180).panes([1, 2, 3]) if each.frames]
    on_device = [Frames(each.times, torch.tensor(each.planes, device="cuda")) for each in frames]
    expected = score(OpticalFlow(), frames)
    assert_same(score(TorchFlow("cuda"), frames), expected, tolerance=1e-2)
    assert_same(score(TorchFlow("cuda"), on_device), expected, tolerance=1e-2)
