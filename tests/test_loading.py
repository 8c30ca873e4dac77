"""Loading in the background: results in order, errors where they belong, and an end that waits for nobody."""

import threading

import pytest

from stream_processor.errors import GivenUp, ScorerError
from stream_processor.loading import Loading

PATIENCE_SECONDS = 20.0


def test_each_future_has_its_own_result_and_a_failure_stops_no_other() -> None:
    def fails() -> str:
        raise ScorerError("no such weights")

    loading: Loading[str] = Loading()
    first, second, third = loading.add(lambda: "first"), loading.add(fails), loading.add(lambda: "third")
    loading.start()
    assert first.result(PATIENCE_SECONDS) == "first"
    with pytest.raises(ScorerError, match="no such weights"):
        second.result(PATIENCE_SECONDS)
    assert third.result(PATIENCE_SECONDS) == "third"


def test_one_that_is_slow_holds_up_no_other_and_after_giving_up_nobody_waits_for_it() -> None:
    #  first    ──loads… gate shut ────────┐ too late
    #  second   ──loaded                   │
    #                       give_up ▲
    began, gate = threading.Event(), threading.Event()

    def slow() -> str:
        began.set()
        gate.wait(PATIENCE_SECONDS)
        return "too late"

    loading: Loading[str] = Loading()
    first, second = loading.add(slow), loading.add(lambda: "second")
    loading.start()
    assert began.wait(PATIENCE_SECONDS)
    assert second.result(PATIENCE_SECONDS) == "second"
    loading.give_up()
    with pytest.raises(GivenUp):
        first.result(0)
    gate.set()


def test_what_was_loaded_before_giving_up_stays() -> None:
    loading: Loading[str] = Loading()
    loaded = loading.add(lambda: "here")
    loading.start()
    assert loaded.result(PATIENCE_SECONDS) == "here"
    loading.give_up()
    assert loaded.result(0) == "here"
