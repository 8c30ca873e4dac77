"""Light novelty: cuts stand out, noise in black does not, and the size of the frames does not matter."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.novelty_light import DIMENSIONS, LightNovelty, describe
from stream_processor.records import Frames, Pane, Samples
from tests.scorers.scenes import Scene


def score(frames: Frames) -> Samples:
    scorer = LightNovelty()
    return scorer.score([(scorer.start(), Pane(0, 0, 0.0, 1.0, frames, None, None))])[0]


def flat(y: float, u: float = 128, v: float = 128, *, height: int = 36, count: int = 1, noise: float = 0.0) -> Frames:
    random = np.random.default_rng(0)
    planes = np.empty((count, height * 3 // 2, height * 2))
    planes[:, :height] = y
    planes[:, height : height + height // 4] = u
    planes[:, height + height // 4 :] = v
    planes += random.normal(0, noise, planes.shape) if noise else 0
    return Frames(np.arange(count) / 5, np.clip(planes, 0, 255).astype(np.uint8))


def after(first: Frames, second: Frames) -> Frames:
    """``first`` for a second, then ``second``, five frames of each."""
    planes = [np.repeat(frames.planes[:1], 5, axis=0) for frames in (first, second)]
    return Frames(np.arange(10) / 5, np.concatenate(planes))


def test_a_cut_stands_out_for_one_second() -> None:
    #  frames   A A A A A B B B B B
    #  seconds  0         1       1.8      compared with 0 … 0.8: all of them A
    bright, dark = Scene(seed=1).frames(), Scene(seed=2).frames()
    dark.luma[:] //= 2
    samples = score(after(bright, dark))
    assert samples.values[samples.times < 1].max() == pytest.approx(0, abs=1e-9)
    assert samples.values[samples.times >= 1].min() > 0.1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (flat(40), flat(200)),
        (flat(120, u=90), flat(120, u=170)),
        (flat(120, v=90), flat(120, v=170)),
        (flat(16), Scene().frames()),
    ],
    ids=["brightness", "blue", "red", "black-to-picture"],
)
def test_each_part_of_the_picture_counts(first: Frames, second: Frames) -> None:
    assert score(after(first, second)).values.max() > 0.1


def test_the_same_colours_elsewhere_count() -> None:
    left = flat(40)
    left.planes[:, :36, :36] = 200
    assert score(after(left, Frames(left.times, left.planes[:, :, ::-1].copy()))).values.max() > 0.3


def test_edges_in_another_direction_count() -> None:
    # stripes of the same two grey values, so that only the direction differs
    across, down = flat(60), flat(60)
    across.planes[:, :36][:, np.arange(36) % 8 < 4] = 190
    down.planes[:, :36][:, :, np.arange(72) % 8 < 4] = 190
    assert score(after(across, down)).values.max() > 0.05


@pytest.mark.parametrize("level", [0, 16, 18, 40])
@pytest.mark.parametrize("height", [36, 180])
def test_noise_in_black_is_next_to_nothing(level: float, height: int) -> None:
    assert score(flat(level, height=height, count=15, noise=3)).values.max() < 1e-3


@pytest.mark.parametrize("height", [72, 144, 360])
def test_the_size_of_the_frames_does_not_matter(height: int) -> None:
    usual, other = (score(Scene(speed=0.3, height=size).frames()).values for size in (180, height))
    np.testing.assert_allclose(other, usual, atol=0.002)
    assert usual.mean() > 0.01


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.sampled_from([32, 36, 60]))
def test_a_descriptor_is_a_unit_vector_for_any_colour(y: int, u: int, v: int, height: int) -> None:
    described = describe(flat(y, u, v, height=height))
    assert described.shape == (1, DIMENSIONS)
    assert np.linalg.norm(described) == pytest.approx(1)


def test_no_frames_give_no_descriptors() -> None:
    assert describe(flat(0, count=0)).shape == (0, DIMENSIONS)


def test_the_hard_cuts_of_a_film_stand_out_against_its_shots(media: Callable[[str], Path]) -> None:
    # Between 25.5 and 33.5 s the trailer cuts in the chase and the fight; from 43 to 51 s it shows still titles in black.
    samples = score(sampled(media("sintel_trailer_480p.mp4")))
    chase = samples.values[(samples.times > 25.5) & (samples.times < 33.5)]
    titles = samples.values[(samples.times > 43.5) & (samples.times < 47.5)]
    assert chase.mean() > 0.1
    assert titles.mean() < 0.01


def sampled(path: Path, fps: float = 5.0) -> Frames:
    times, planes = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time >= len(times) / fps:
                times.append(frame.time)
                planes.append(frame.reformat(320, 180, "yuv420p").to_ndarray())
    return Frames(np.array(times), np.stack(planes))
