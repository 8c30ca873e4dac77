"""How much pictures differ, and which differences are cuts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.finishing.shots import NEIGHBOURS, STANDS_OUT, Differences, Kind, cut_among
from tests.finishing.cut_films import picture

KINDS: tuple[Kind, ...] = ("content", "colour", "hash")


@pytest.mark.parametrize("kind", KINDS)
def test_another_shot_is_a_cut_and_the_same_one_moving_on_is_none(kind: Kind) -> None:
    differences = Differences(kind)
    strengths = [differences.push(picture(shot, moved)) for shot, moved in [(0, 0), (0, 0.5), (0, 1), (1, 0), (1, 0.5)]]
    assert strengths[0] == 0
    assert strengths[3] >= 1
    assert max(strengths[1], strengths[2], strengths[4]) < 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_the_size_of_the_picture_hardly_matters(kind: Kind) -> None:
    strengths = []
    for factor in (1, 3):
        differences = Differences(kind)
        for shot in (0, 1):
            planes = picture(shot, 0)
            height = len(planes) * 2 // 3
            luma = planes[:height].repeat(factor, 0).repeat(factor, 1)
            chroma = [
                plane.reshape(height // 2, -1).repeat(factor, 0).repeat(factor, 1) for plane in np.split(planes[height:], 2)
            ]
            joined = np.concatenate([luma, *(plane.reshape(-1, luma.shape[1]) for plane in chroma)])
            strength = differences.push(joined)
        strengths.append(strength)
    assert strengths[1] == pytest.approx(strengths[0], rel=0.15)


#   strength   0.2 0.1 0.2 3.0 0.1 0.2        one frame unlike all before, like all after: a cut
#              2.0 2.2 2.1 3.0 2.3 2.0        a fight: all frames are unlike the one before
#              0.1 0.1 3.0 2.9 0.1 0.1        a flash: unlike, and back again
def test_a_cut_stands_out_from_the_frames_around_it() -> None:
    assert cut_among([0.2, 0.1, 0.2, 3.0, 0.1, 0.2], 0, 6, 1.0) == 3
    assert cut_among([2.0, 2.2, 2.1, 3.0, 2.3, 2.0], 0, 6, 1.0) is None
    assert cut_among([0.2, 0.1, 0.2, 0.9, 0.1, 0.2], 0, 6, 1.0) is None


def test_of_two_cuts_the_stronger_is_taken_and_none_outside_of_where_it_is_looked_for() -> None:
    strengths = [0.1, 4.0, 0.1, 0.1, 0.1, 0.1, 6.0, 0.1, 0.1, 0.1, 9.0]
    assert cut_among(strengths, 0, 10, 1.0) == 6
    assert cut_among(strengths, 0, 5, 1.0) == 1
    assert cut_among(strengths, 2, 5, 1.0) is None


some_strengths = st.lists(st.floats(0, 20), max_size=30)


@given(some_strengths, st.integers(0, 30), st.integers(0, 30), st.floats(0.1, 10))
def test_what_is_a_cut_is_strong_enough_and_lies_where_it_was_looked_for(
    strengths: list[float], first: int, stop: int, threshold: float
) -> None:
    stop = min(stop, len(strengths))
    found = cut_among(strengths, first, stop, threshold)
    if found is not None:
        assert first <= found < stop
        assert strengths[found] >= threshold
        around = [*strengths[max(found - NEIGHBOURS, 0) : found], *strengths[found + 1 : found + 1 + NEIGHBOURS]]
        assert not around or strengths[found] >= STANDS_OUT * np.mean(around) - 1e-9


@given(some_strengths, st.floats(0.1, 10), st.floats(0, 10))
def test_a_higher_threshold_never_finds_more(strengths: list[float], threshold: float, more: float) -> None:
    if cut_among(strengths, 0, len(strengths), threshold) is None:
        assert cut_among(strengths, 0, len(strengths), threshold + more) is None
