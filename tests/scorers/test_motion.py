"""Motion: known speeds come out in frame heights a second; holes and size changes are no movement."""

import numpy as np
import pytest

from scorers.motion import OpticalFlow
from stream_processor.records import Frames, Pane, Samples
from tests.scorers.scenes import Scene


def score(*parts: Frames) -> Samples:
    scorer = OpticalFlow()
    memory = scorer.start()
    panes = [Pane(0, number, float(number), 1.0, frames, pictures=None, sound=None) for number, frames in enumerate(parts)]
    results = [scorer.score([(memory, pane)])[0] for pane in panes]
    return Samples(np.concatenate([part.times for part in results]), np.concatenate([part.values for part in results]))


def part(frames: Frames, *, shown: slice = slice(None), times: list[float] | None = None) -> Frames:
    return Frames(np.array(times) if times is not None else frames.times[shown], frames.planes[shown])


@pytest.mark.parametrize("speed", [0.05, 0.1, 0.2])
@pytest.mark.parametrize(("height", "fps"), [(72, 5), (144, 5), (144, 10)])
def test_a_picture_that_slides_is_measured_in_frame_heights_a_second(speed: float, height: int, fps: float) -> None:
    samples = score(Scene(speed=speed, height=height, fps=fps, seconds=2).frames())
    assert samples.values.mean() == pytest.approx(speed, rel=0.1)


def test_a_still_picture_does_not_move() -> None:
    assert score(Scene(speed=0, seconds=1).frames()).values.max() < 1e-3


def test_a_sample_has_the_time_of_its_second_frame_also_across_panes() -> None:
    frames = Scene(seconds=1).frames()
    samples = score(part(frames, shown=slice(0, 2)), part(frames, shown=slice(2, 5)))
    assert samples.times.tolist() == frames.times[1:].tolist()


def test_a_frame_that_comes_later_moved_less_a_second() -> None:
    frames = part(Scene(seconds=0.4).frames())
    soon, late = score(part(frames, times=[0.0, 0.2])), score(part(frames, times=[0.0, 0.4]))
    assert late.values[0] == pytest.approx(soon.values[0] / 2)


def test_no_movement_is_measured_across_a_hole_of_more_than_two_seconds() -> None:
    #  frames  0   2 │        4.1   4.3
    #          └───┘ │         └─────┘
    frames = part(Scene(seconds=0.8).frames(), times=[0.0, 2.0, 4.1, 4.3])
    assert score(frames).times.tolist() == [2.0, 4.3]


def test_no_movement_is_measured_between_frames_of_the_same_time() -> None:
    frames = part(Scene(seconds=0.6).frames(), times=[0.0, 0.0, 0.2])
    assert score(frames).times.tolist() == [0.2]


def test_no_movement_is_measured_across_a_change_of_size() -> None:
    small, large = Scene(height=36, seconds=0.6).frames(), Scene(height=72, seconds=0.6).frames()
    later = part(large, times=[0.6, 0.8, 1.0])
    assert score(small, later).times.tolist() == pytest.approx([0.2, 0.4, 0.8, 1.0])


def test_a_pane_without_frames_keeps_what_is_known_of_the_last_one() -> None:
    frames = Scene(seconds=0.6).frames()
    nothing = part(frames, shown=slice(0, 0))
    assert score(part(frames, shown=slice(0, 1)), nothing, part(frames, shown=slice(1, 3))).times.tolist() == [0.2, 0.4]
