"""A scorer's calls: what is wrong with one channel's panes, or with what comes of them, costs only that channel."""

import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.engine import Engine
from stream_processor.feed import PANES_APART, Feed
from stream_processor.measuring import Entry, Guarded, Measure, measure
from stream_processor.records import Pane, PaneScore, Samples, Sum

BAD = 999
"""The pane that a scorer fails on."""

Batch = Sequence[tuple[list[int], Pane]]


def pane(number: int) -> Pane:
    return Pane(0, number, float(number), 1.0, frames=None, pictures=None, sound=None, arrived_at=0.0)


def samples(*values: float) -> Samples:
    return Samples(np.arange(len(values), dtype=float), np.array(values, float))


class Remembering:
    """One sample per pane: how many panes its memory has seen. Fails as ``fails`` says, once the memories have changed."""

    signal = "plain"

    def __init__(self, fails: Callable[[list[int]], bool]) -> None:
        self.fails = fails
        self.batches: list[list[int]] = []

    def start(self) -> list[int]:
        return []

    def score(self, batch: Batch) -> list[Samples]:
        numbers, seen = [pane.number for _, pane in batch], list[int]()
        self.batches.append(numbers)
        for memory, pane in batch:
            memory.append(pane.number)
            seen.append(len(memory))
        if self.fails(numbers):
            raise ZeroDivisionError("no such luck")
        return [samples(count) for count in seen]


class Answers:
    """Gives what it is told for the panes of these numbers, and a 1.0 for all others."""

    signal = "plain"

    def __init__(self, given: dict[int, object]) -> None:
        self.given = given

    def start(self) -> None:
        return None

    def score(self, batch: Sequence[tuple[None, Pane]]) -> list[Samples]:
        return [self.given.get(pane.number, samples(1.0)) for _, pane in batch]  # type: ignore[misc]


def feeds_for(scorer: Remembering, *channels: str) -> list[Feed]:
    return [
        Feed(name, {"plain": scorer}, lambda score: None, max_panes=4, max_undecided=None, wake=lambda: None) for name in channels
    ]


def measured(scorer: Remembering, *batch: Entry) -> list[Measure]:
    return measure("plain", Guarded(scorer, threading.Lock()), batch)


def seen(found: Sequence[Measure]) -> list[float]:
    """How many panes of its channel the scorer remembered, per pane; 0: it failed on it."""
    return [one.sum.total for one in found]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "NoneType instead of Samples"),
        ([1.0], "list instead of Samples"),
        (samples(1.7e308, 1.7e308), "OverflowError"),
        (samples(1e200), "1e+200"),
    ],
    ids=["nothing", "numbers", "a sum that is not finite", "a sum that will not be"],
)
def test_what_is_no_samples_or_does_not_add_up_is_an_error_of_that_pane_alone(answer: object, words: str) -> None:
    scores: dict[str, list[PaneScore]] = {"a": [], "b": []}
    scorer = Answers({1: answer})
    with structlog.testing.capture_logs() as logs, Engine(max_panes=4) as engine:
        a, b = (engine.register(name, {"plain": scorer}, scores[name].append) for name in "ab")
        for number in range(3):
            a.put(pane(number))
            b.put(pane(10 + number))
        a.flush()
        b.flush()
    assert [score.signals["plain"] for score in scores["a"]] == [Sum(1.0, 1), Sum(0.0, 0), Sum(1.0, 1)]
    assert [score.signals["plain"] for score in scores["b"]] == [Sum(1.0, 1)] * 3
    assert (a.errors, b.errors) == ({"plain": 1}, {})
    (told,) = [log for log in logs if log["event"] == "scorer failed"]
    assert words in told["error"]


def test_an_error_that_cannot_say_what_it_is_is_an_error_like_any_other() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("not even that")

    class Failing(Remembering):
        def score(self, batch: Batch) -> list[Samples]:
            raise Mute

    scorer = Failing(lambda numbers: False)
    (feed,) = feeds_for(scorer, "a")
    assert measured(scorer, (feed, pane(0)), (feed, pane(1))) == [Measure(Sum(0.0, 0), None)] * 2
    assert feed.errors == {"plain": 2}


def test_a_channel_whose_panes_always_fail_costs_the_others_their_memory_once() -> None:
    #            together              apart from then on
    #  bad    ✗      ✗                 ✗      ✗     …
    #  good   0 1    lost: 2 ⇒ first   3 4    5 6   …
    scorer = Remembering(lambda numbers: BAD in numbers)
    bad, good = feeds_for(scorer, "bad", "good")
    with structlog.testing.capture_logs() as logs:
        assert seen(measured(scorer, (good, pane(0)), (good, pane(1)))) == [1, 2]
        assert seen(measured(scorer, (bad, pane(BAD)), (good, pane(2)))) == [0, 1]
        for number in range(3, 2 * PANES_APART, 2):
            found = seen(measured(scorer, (bad, pane(BAD)), (good, pane(number)), (good, pane(number + 1))))
            assert found == [0, number - 1, number]
            assert scorer.batches[-2:] in ([[BAD], [number, number + 1]], [[number, number + 1], [BAD]])
    assert (bad.restarts, good.restarts) == ({}, {"plain": 1})
    assert good.errors == {}
    assert [(log["event"], log["channel"]) for log in logs] == [
        ("scorer failed", "bad"),
        ("scorer begins anew: a call with other panes failed", "good"),
    ]


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=3 * PANES_APART))
def test_however_often_a_channel_fails_and_recovers_the_others_are_left_alone_in_between(fails: list[bool]) -> None:
    scorer = Remembering(lambda numbers: BAD in numbers)
    bad, good = feeds_for(scorer, "bad", "good")
    for fail in fails:
        measured(scorer, (bad, pane(BAD if fail else 0)), (good, pane(1)))
    assert good.restarts["plain"] <= 1 + len(fails) // PANES_APART
    assert bad.errors["plain"] == sum(fails)


def test_a_channel_that_fails_no_more_is_scored_together_with_the_others_again() -> None:
    scorer = Remembering(lambda numbers: BAD in numbers)
    bad, good = feeds_for(scorer, "bad", "good")
    measured(scorer, (bad, pane(BAD)), (good, pane(0)))
    scorer.batches.clear()
    for number in range(1, PANES_APART + 2):
        measured(scorer, (bad, pane(number)), (good, pane(number)))
    assert [len(batch) for batch in scorer.batches] == [1, 1] * PANES_APART + [2]


def test_panes_that_fail_only_in_company_are_scored_one_by_one_and_keep_their_memories() -> None:
    #  a scorer that cannot stack frames of two sizes, say
    scorer = Remembering(lambda numbers: len(numbers) > 1)
    a, b = feeds_for(scorer, "a", "b")
    assert seen(measured(scorer, (a, pane(0)), (b, pane(0)), (b, pane(1)))) == [1, 1, 2]
    assert seen(measured(scorer, (a, pane(1)), (b, pane(2)), (b, pane(3)))) == [2, 3, 4]
    assert (a.restarts, b.restarts) == ({"plain": 1}, {"plain": 1})
    assert (a.errors, b.errors) == ({}, {})


def test_what_kind_measured_a_pane_is_not_said_where_it_failed() -> None:
    scorer = Remembering(lambda numbers: BAD in numbers)
    scorer.kind = "light"  # type: ignore[attr-defined]
    (feed,) = feeds_for(scorer, "a")
    assert [one.kind for one in measured(scorer, (feed, pane(BAD)), (feed, pane(0)))] == [None, "light"]
