"""A live scorer whose samples are kept, on smaller frames where it is wanted."""

import numpy as np

from scorers.motion import OpticalFlow
from scorers.observed import Observed
from scorers.smaller import Smaller, smaller
from stream_processor.records import replace
from tests.scorers.scenes import Scene
from tests.scorers.test_contract import assert_same, score_one_by_one


def test_it_measures_what_the_scorer_measures_on_the_smaller_frames() -> None:
    panes = Scene(height=72).panes([1, 2])
    small = [replace(pane, frames=smaller(pane.frames, 36)) for pane in panes if pane.frames is not None]
    assert_same(score_one_by_one(Observed(OpticalFlow(), Smaller(36)), panes), score_one_by_one(OpticalFlow(), small), 0.0)


def test_without_smaller_frames_it_is_shown_the_panes_own() -> None:
    panes = Scene(height=36).panes([1, 2])
    assert_same(score_one_by_one(Observed(OpticalFlow()), panes), score_one_by_one(OpticalFlow(), panes), 0.0)


def test_motion_on_a_quarter_of_the_lines_is_about_that_on_all() -> None:
    panes = Scene(height=144, speed=0.2).panes([1, 2, 3])
    large = score_one_by_one(OpticalFlow(), panes).values.mean()
    small = score_one_by_one(Observed(OpticalFlow(), Smaller(36)), panes).values.mean()
    assert np.isclose(small, large, rtol=0.2)
