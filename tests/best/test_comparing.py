"""Signals become comparable, are added up and smoothed: by laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.best.comparing import NEUTRAL, at_frames, combined, normalised, smoothed
from stream_processor.records import Samples

floats = st.floats(-1e6, 1e6)


def test_a_signal_of_the_picture_is_taken_as_it_is_and_nan_where_it_is_not() -> None:
    """Flow needs two frames: the first has none."""
    times = np.array([0.0, 0.4, 0.8])
    found = at_frames(times, Samples(times[1:], np.array([1.0, 2.0])))
    assert found[1:].tolist() == [1.0, 2.0]
    assert np.isnan(found[0])


def test_a_signal_of_the_sound_counts_by_its_mean_around_the_frame() -> None:
    """
    ::

        sound   .05 .15 .25 … 1.95      0 in the first second, 1 in the second
        frames  0      1      2
    """
    times = np.arange(20) / 10 + 0.05
    found = at_frames(np.array([0.0, 1.0, 2.0, 9.0]), Samples(times, (times > 1).astype(float)))
    assert found[:3].tolist() == [0.0, 0.5, 1.0]
    assert np.isnan(found[3])


def test_without_samples_nothing_was_measured() -> None:
    assert np.isnan(at_frames(np.array([0.0, 1.0]), Samples.none())).all()


@given(st.lists(st.lists(floats, max_size=30), min_size=1, max_size=4))
def test_normalised_values_lie_between_0_and_1(videos: list[list[float]]) -> None:
    for one in normalised("x", [np.array(values) for values in videos]):
        assert ((one >= 0) & (one <= 1)).all()


@given(st.lists(floats, min_size=2, max_size=50))
def test_normalising_keeps_the_order(values: list[float]) -> None:
    found = normalised("x", [np.array(values)])[0]
    order = np.argsort(values, kind="stable")
    assert (np.diff(found[order]) >= 0).all()


@pytest.mark.parametrize("values", [[3.0, 3.0, 3.0], [np.nan, np.nan], [0.1 + 0.2, 0.3, 0.3]])
def test_what_does_not_vary_is_for_no_frame_and_against_none(values: list[float]) -> None:
    assert normalised("x", [np.array(values)])[0].tolist() == [NEUTRAL] * len(values)


@pytest.mark.parametrize("spread", [0.0, 1e-12, 1e-6, 0.001])
def test_what_hardly_varies_is_for_no_frame_either(spread: float) -> None:
    assert normalised("sharpness", [np.linspace(100, 100 + spread, 50)])[0] == pytest.approx(np.full(50, NEUTRAL), abs=0.01)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_penalty_that_does_not_vary_is_none(share: float) -> None:
    """A recording without one lost pixel is not marked down for it."""
    assert normalised("exposure", [np.full(9, share)])[0].tolist() == [0.0] * 9


def test_takes_are_normalised_together_so_that_the_better_one_shows() -> None:
    worse, better = normalised("x", [np.linspace(0, 1, 50), np.linspace(9, 10, 50)])
    assert worse.max() < 0.2 < 0.8 < better.min()


def test_an_outlier_does_not_squeeze_the_rest() -> None:
    found = normalised("x", [np.array([*np.linspace(0, 1, 99), 1e9])])[0]
    assert found[98] > 0.9


def test_hardly_any_difference_is_not_blown_up() -> None:
    assert normalised("exposure", [np.linspace(0.0, 0.002, 50)])[0].max() < 0.2


def test_a_few_very_sharp_frames_leave_the_others_their_differences() -> None:
    """Title cards have a variance that is a hundred times that of pictures."""
    values = np.array([50.0] * 45 + [500.0] * 45 + [50_000.0] * 10)
    found = normalised("sharpness", [values])[0]
    assert found[50] - found[0] > 0.2


def test_weights_are_renormalised_and_a_penalty_counts_against() -> None:
    one, nothing = np.array([1.0]), np.array([0.0])
    weights = {"sharpness": 0.3, "exposure": 0.2, "prompt": 0.5}
    assert combined({"sharpness": one}, weights).tolist() == [1.0]
    assert combined({"sharpness": one, "exposure": nothing}, weights)[0] == pytest.approx(0.6)
    assert combined({"sharpness": nothing, "exposure": one}, weights)[0] == pytest.approx(-0.4)


def test_smoothing_is_by_time_and_not_by_index() -> None:
    """
    ::

        much moves here, five frames a second      one frame a second
        0 .2 .4 .6 .8 1.0                     2       3       4
    """
    times = np.array([0, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0, 3.0, 4.0])
    values = np.array([1.0, 1, 1, 1, 1, 1, 0, 0, 0])
    found = smoothed(times, values, 4.0)
    assert found[6] == pytest.approx(1.5 / 4, abs=0.01)  # and not 6 / 9


@given(st.lists(st.tuples(st.floats(0.05, 3), st.floats(0, 1)), min_size=1, max_size=60), st.floats(0, 20))
def test_smoothing_stays_within_what_it_smooths(frames: list[tuple[float, float]], seconds: float) -> None:
    times, values = np.cumsum([gap for gap, _ in frames]), np.array([value for _, value in frames])
    found = smoothed(times, values, seconds)
    assert len(found) == len(values)
    assert values.min() - 1e-9 <= found.min() <= found.max() <= values.max() + 1e-9
    assert smoothed(times, np.full(len(times), 0.7), seconds) == pytest.approx(np.full(len(times), 0.7))


def test_nothing_is_smoothed_across_an_epoch() -> None:
    times = np.arange(10.0)
    values = np.array([0.0] * 5 + [1.0] * 5)
    assert smoothed(times, values, 4.0, [0.0, 5.0]).tolist() == pytest.approx(values.tolist())
    assert smoothed(times, values, 4.0)[4] > 0.1
