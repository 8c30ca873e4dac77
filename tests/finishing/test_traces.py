"""What was measured lately: bounded, in stream seconds, and nothing of one epoch among what belongs to another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.finishing.traces import Traces, within
from stream_processor.records import PaneScore, Samples, ScoredWindow, Sum, Window


def trace(*times: float, vectors: int = 0) -> Samples:
    known = np.tile(np.eye(1, vectors, dtype=np.float32), (len(times), 1)) if vectors else None
    return Samples(np.array(times), np.ones(len(times)), known)


def pane(number: int, epoch: int = 0, epoch_start: float = 0.0, *, is_last: bool = False, **traces: Samples) -> PaneScore:
    signals = {"loudness": Sum(number * 4.0, 4)}
    return PaneScore(epoch, number, epoch_start + number, 1.0, signals, is_last=is_last, traces=traces)


def window(start: float, epoch: int = 0) -> ScoredWindow:
    return ScoredWindow(Window(epoch, int(start), start, start + 5, {}, (int(start), int(start) + 5)), 0.5, {})


def test_times_come_out_as_stream_seconds() -> None:
    traces = Traces(60)
    traces.add(pane(3, epoch_start=100.0, scene=trace(3.2, 3.6)), 100.0)
    seen = traces.seen(0, 0.0, 1000.0)
    np.testing.assert_allclose(seen.traces["scene"].times, [103.2, 103.6])


def test_a_signal_whose_samples_are_not_kept_is_there_as_its_panes_means() -> None:
    traces = Traces(60)
    for number in range(3):
        traces.add(pane(number), 0.0)
    seen = traces.seen(0, 0.0, 10.0).traces["loudness"]
    np.testing.assert_array_equal(seen.times, [0.5, 1.5, 2.5])
    np.testing.assert_array_equal(seen.values, [0.0, 1.0, 2.0])


def test_nothing_of_another_epoch_is_seen_though_the_times_would_fit() -> None:
    #  epoch 0   ├─0─┼─1─┤
    #  epoch 1           ├─0─┼─1─┤
    traces = Traces(60)
    for epoch, start in ((0, 0.0), (1, 2.0)):
        for number in range(2):
            traces.add(pane(number, epoch, start, scene=trace(number + 0.5)), start)
            traces.decided(window(start + number, epoch))
    seen = traces.seen(1, 0.0, 100.0)
    np.testing.assert_array_equal(seen.traces["scene"].times, [2.5, 3.5])
    assert [scored.window.epoch for scored in seen.windows] == [1, 1]


def test_it_knows_up_to_where_an_epoch_was_seen_and_whether_that_was_all() -> None:
    traces = Traces(60)
    traces.add(pane(0), 0.0)
    assert traces.reach(0) == (1.0, False)
    traces.add(pane(1, is_last=True), 0.0)
    assert traces.reach(0) == (2.0, True)
    assert traces.reach(1) == (float("-inf"), False)


def test_an_epoch_is_over_when_the_next_has_begun_even_if_its_last_pane_was_dropped() -> None:
    traces = Traces(60)
    traces.add(pane(0), 0.0)
    traces.add(pane(0, 1, 5.0), 5.0)
    assert traces.reach(0) == (1.0, True)


def test_what_another_kind_of_scorer_measured_before_is_left_out() -> None:
    traces = Traces(60)
    traces.add(pane(0, novelty=trace(0.1, 0.5, vectors=8)), 0.0)
    traces.add(pane(1, novelty=trace(1.1, vectors=4)), 0.0)
    seen = traces.seen(0, 0.0, 10.0).traces["novelty"]
    np.testing.assert_array_equal(seen.times, [1.1])
    assert seen.vectors is not None
    assert seen.vectors.shape == (1, 4)


def test_what_comes_later_does_not_change_what_was_seen() -> None:
    traces = Traces(60)
    traces.add(pane(0, scene=trace(0.5)), 0.0)
    seen = traces.seen(0, 0.0, 10.0)
    traces.add(pane(1, scene=trace(1.5)), 0.0)
    np.testing.assert_array_equal(seen.traces["scene"].times, [0.5])


@given(st.integers(1, 40), st.integers(1, 100))
def test_it_keeps_no_more_than_so_many_seconds(kept: int, panes: int) -> None:
    traces = Traces(kept)
    for number in range(panes):
        traces.add(pane(number, scene=trace(number + 0.5)), 0.0)
        traces.decided(window(float(number)))
    seen = traces.seen(0, 0.0, 1000.0)
    assert len(seen.traces["scene"].times) == min(kept, panes)
    assert len(seen.windows) <= kept + 4, "those that overlap what is held"


def test_a_long_gap_between_two_epochs_pushes_nothing_out() -> None:
    #  epoch 0  ├─0─┼─1─┤ ····· an hour ····· ├─0─┤  epoch 1
    traces = Traces(60)
    for number in range(2):
        traces.add(pane(number, scene=trace(number + 0.5)), 0.0)
        traces.decided(window(float(number)))
    traces.add(pane(0, 1, 3600.0), 3600.0)
    seen = traces.seen(0, 0.0, 100.0)
    assert (len(seen.traces["scene"].times), len(seen.windows)) == (2, 2)


def test_a_scorer_that_gives_far_too_many_samples_costs_the_oldest_seconds_and_not_the_memory() -> None:
    traces = Traces(1000)
    many = np.linspace(0.0, 1.0, 200_000)
    for number in range(40):  # 3.2 MB each
        traces.add(pane(number, scene=Samples(number + many, many)), 0.0)
    held = traces.seen(0, 0.0, 1000.0).traces["scene"]
    assert held.times.nbytes + held.values.nbytes <= 32e6
    assert held.times[-1] == pytest.approx(40.0)


def test_within_takes_what_lies_in_the_interval_with_its_vectors() -> None:
    part = within(trace(1.0, 2.0, 3.0, vectors=2), 1.5, 3.0)
    np.testing.assert_array_equal(part.times, [2.0])
    assert part.vectors is not None
    assert part.vectors.shape == (1, 2)
