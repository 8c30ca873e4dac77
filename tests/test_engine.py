"""The engine: batches across channels, order within each, bounded queues, and faults that stay where they happen."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.contracts import Scorer
from stream_processor.engine import Engine
from stream_processor.feed import PANES_EXPECTED, PANES_PER_BATCH, Feed
from stream_processor.records import Pane, PaneScore, Samples, Sound


def pane(number: int, *values: float, epoch: int = 0) -> Pane:
    sound = Sound(first=0, sample_rate=1, samples=np.array(values, np.float32))
    return Pane(epoch, number, float(number), 1.0, frames=None, pictures=None, sound=sound, arrived_at=number + 0.5)


class Plain:
    """Its samples are the pane's own sound; it also notes each batch and counts in its memory."""

    signal = "plain"

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.counted: list[int] = []

    def start(self) -> list[int]:
        return []

    def score(self, batch: Sequence[tuple[list[int], Pane]]) -> list[Samples]:
        self.batches.append([pane.number for _, pane in batch])
        for memory, pane in batch:
            memory.append(pane.number)
            self.counted.append(len(memory))
        return [Samples(np.zeros(len(pane.sound.samples)), pane.sound.samples.astype(float)) for _, pane in batch if pane.sound]


class Gated(Plain):
    """Waits before its first batch until the gate opens: what is put meanwhile waits."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.gate = threading.Event()

    def score(self, batch: Sequence[tuple[list[int], Pane]]) -> list[Samples]:
        self.entered.set()
        assert self.gate.wait(10)
        return super().score(batch)


class FailsOn(Plain):
    def __init__(self, *bad: int) -> None:
        super().__init__()
        self.bad = bad

    def score(self, batch: Sequence[tuple[list[int], Pane]]) -> list[Samples]:
        if any(pane.number in self.bad for _, pane in batch):
            raise ZeroDivisionError("no such luck")
        return super().score(batch)


def ends(call: Callable[[], None]) -> bool:
    """Does it come back? Else it is left behind."""
    calling = threading.Thread(target=call, daemon=True)
    calling.start()
    calling.join(10)
    return not calling.is_alive()


@contextmanager
def held_back(scorer: Gated, *, max_panes: int = 100) -> Iterator[tuple[Engine, Feed]]:
    """An engine whose thread sits in its first batch, with a pane of a channel of its own, until the gate opens."""
    with Engine(max_panes=max_panes) as engine:
        first = engine.register("first", {"plain": scorer}, lambda score: None)
        first.put(pane(99))
        assert scorer.entered.wait(10)
        try:
            yield engine, first
        finally:
            scorer.gate.set()


def test_a_pane_comes_back_as_the_sum_and_count_of_each_signal() -> None:
    scores: list[PaneScore] = []
    with Engine(max_panes=4) as engine:
        engine.register("a", {"plain": Plain(), "other": Plain()}, scores.append).put(pane(7, 1.0, 2.5, epoch=3))
    (score,) = scores
    assert (score.epoch, score.number, score.start_seconds, score.duration_seconds) == (3, 7, 7.0, 1.0)
    assert (score.arrived_at, score.is_last) == (7.5, False)
    assert {signal: (total.total, total.count) for signal, total in score.signals.items()} == {
        "plain": (3.5, 2),
        "other": (3.5, 2),
    }


def test_every_channel_gets_its_panes_in_order_and_closing_delivers_all() -> None:
    delivered: dict[str, list[int]] = {"a": [], "b": [], "c": []}
    with Engine(max_panes=3) as engine:
        feeds = {
            name: engine.register(name, {"plain": Plain()}, lambda score, name=name: delivered[name].append(score.number))
            for name in delivered
        }  # type: ignore[misc]

        def fill(feed: Feed) -> None:
            for number in range(50):
                assert feed.put(pane(number))

        threads = [threading.Thread(target=fill, args=(feed,)) for feed in feeds.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert delivered == {name: list(range(50)) for name in delivered}


def test_waiting_panes_of_all_channels_go_into_one_batch_a_few_of_each() -> None:
    #  first   99 ── in the scorer, gate shut ──▶
    #  a       0 1 2 3 4 5            waiting
    #  b       10                     waiting
    scorer = Gated()
    with held_back(scorer) as (engine, _):
        a, b = (
            engine.register("a", {"plain": scorer}, lambda score: None),
            engine.register("b", {"plain": scorer}, lambda score: None),
        )
        for number in range(6):
            a.put(pane(number))
        b.put(pane(10))
        scorer.gate.set()
        a.flush()
    assert PANES_PER_BATCH == 4
    assert scorer.batches == [[99], [0, 1, 2, 3, 10], [4, 5]]


def test_a_full_queue_refuses_an_offer_and_counts_it() -> None:
    scorer = Gated()
    with held_back(scorer, max_panes=2) as (engine, _):
        feed = engine.register("a", {"plain": scorer}, lambda score: None)
        assert [feed.offer(pane(number)) for number in range(4)] == [True, True, False, False]
        assert feed.dropped == 2
        assert not feed.put(pane(4), timeout_seconds=0)
        assert feed.dropped == 2, "whoever waited still has the pane"


def test_a_full_queue_holds_back_whoever_puts_until_there_is_room() -> None:
    scorer, delivered = Gated(), list[int]()
    with held_back(scorer, max_panes=1) as (engine, _):
        feed = engine.register("a", {"plain": scorer}, lambda score: delivered.append(score.number))
        feed.put(pane(0))
        putting = threading.Thread(target=feed.put, args=(pane(1),))
        putting.start()
        assert delivered == []
        assert putting.is_alive()
        scorer.gate.set()
        putting.join(10)
        assert not putting.is_alive()
    assert delivered == [0, 1]


def test_closing_a_feed_lets_go_of_whoever_waits_and_still_delivers_what_was_put() -> None:
    scorer, delivered, answers = Gated(), list[int](), list[bool]()
    with held_back(scorer, max_panes=1) as (engine, _):
        feed = engine.register("a", {"plain": scorer}, lambda score: delivered.append(score.number))
        feed.put(pane(0))
        putting = threading.Thread(target=lambda: answers.append(feed.put(pane(1))))
        putting.start()
        feed.close()
        putting.join(10)
        assert answers == [False]
        assert not feed.put(pane(2))
        scorer.gate.set()
        feed.flush()
    assert delivered == [0]


def test_a_new_epoch_begins_with_an_empty_memory_for_every_scorer() -> None:
    #  epoch   0 0 0 │ 1 1 │ 2      in one batch or in several
    first, second = Gated(), Plain()
    with Engine(max_panes=10) as engine:
        feed = engine.register("a", {"first": first, "second": second}, lambda score: None)
        for number, epoch in enumerate([0, 0, 0, 1, 1, 2]):
            feed.put(pane(number, epoch=epoch))
        first.gate.set()
    assert first.counted == second.counted == [1, 2, 3, 1, 2, 1]


def test_channels_do_not_share_a_memory() -> None:
    scorer = Plain()
    with Engine(max_panes=10) as engine:
        for channel in "ab":
            feed = engine.register(channel, {"plain": scorer}, lambda score: None)
            feed.put(pane(0))
            feed.put(pane(1))
            feed.flush()
    assert scorer.counted == [1, 2, 1, 2]


def test_a_scorer_that_raises_costs_its_own_signal_that_pane_and_is_told_of_once() -> None:
    scores: list[PaneScore] = []
    bad = FailsOn(1, 2)
    with structlog.testing.capture_logs() as logs, Engine(max_panes=10) as engine:
        feed = engine.register("a", {"bad": bad, "good": Plain()}, scores.append)
        for number in range(4):
            feed.put(pane(number, 1.0))
            feed.flush()
    assert [(score.signals["bad"].count, score.signals["good"].count) for score in scores] == [(1, 1), (0, 1), (0, 1), (1, 1)]
    assert feed.errors == {"bad": 2}
    assert bad.counted == [1, 1], "what it remembered may be half changed, so it starts again"
    assert [(log["channel"], log["signal"], log["pane"], log["error"]) for log in logs] == [
        ("a", "bad", 1, "ZeroDivisionError: no such luck")
    ]


def test_in_a_batch_only_the_pane_that_a_scorer_fails_on_goes_without_samples() -> None:
    class Both(Gated, FailsOn):
        def __init__(self) -> None:
            Gated.__init__(self)
            self.bad = (1,)

    scorer, scores = Both(), list[PaneScore]()
    with held_back(scorer) as (engine, _):
        a, b = engine.register("a", {"plain": scorer}, scores.append), engine.register("b", {"plain": scorer}, scores.append)
        for number in range(3):
            a.put(pane(number, 1.0))
        b.put(pane(10, 1.0))
    assert [(score.number, score.signals["plain"].count) for score in scores] == [(0, 1), (1, 0), (2, 1), (10, 1)]
    assert (a.errors, b.errors) == ({"plain": 1}, {})


def test_a_scorer_with_too_few_results_has_failed() -> None:
    class Short(Plain):
        def score(self, batch: Sequence[tuple[list[int], Pane]]) -> list[Samples]:
            return super().score(batch)[1:]

    scores: list[PaneScore] = []
    with Engine(max_panes=10) as engine:
        feed = engine.register("a", {"plain": Short()}, scores.append)
        feed.put(pane(0, 1.0))
    assert scores[0].signals["plain"].count == 0
    assert feed.errors == {"plain": 1}


def test_a_channel_that_cannot_take_its_score_ends_and_the_others_go_on() -> None:
    def broken(score: PaneScore) -> None:
        raise RuntimeError("the loop is closed")

    delivered: list[int] = []
    with Engine(max_panes=10) as engine:
        bad, good = (
            engine.register("bad", {"plain": Plain()}, broken),
            engine.register("good", {"plain": Plain()}, lambda score: delivered.append(score.number)),
        )
        bad.put(pane(0))
        with pytest.raises(RuntimeError, match="the loop is closed"):
            bad.flush()
        with pytest.raises(RuntimeError, match="the loop is closed"):
            bad.put(pane(1))
        good.put(pane(0))
        good.flush()
        assert delivered == [0]


class Deadly(Plain):
    def score(self, batch: Sequence[tuple[list[int], Pane]]) -> list[Samples]:
        raise SystemExit("gone")


def die(score: PaneScore) -> None:
    raise SystemExit("gone")


def test_not_even_a_scorer_that_asks_the_process_to_exit_ends_more_than_its_own_sample() -> None:
    scores = list[PaneScore]()
    with Engine(max_panes=10) as engine:
        feed = engine.register("a", {"plain": Plain(), "deadly": Deadly()}, scores.append)
        for number in range(3):
            feed.put(pane(number, 1.0))
        feed.flush()
    assert [(score.signals["plain"].count, score.signals["deadly"].count) for score in scores] == [(1, 0)] * 3
    assert feed.errors == {"deadly": 3}


def test_what_kills_the_thread_is_raised_by_every_feed_and_who_comes_later_has_another() -> None:
    engine, plain, delivered = Engine(max_panes=10), Plain(), list[int]()
    feed, other = (engine.register(name, {"plain": plain}, die) for name in "ab")
    feed.put(pane(0))
    for waiting in (feed, other):
        with pytest.raises(SystemExit):
            waiting.put(pane(1)) and waiting.flush()
    later = engine.register("c", {"plain": plain}, lambda score: delivered.append(score.number))
    later.put(pane(0))
    later.flush()
    engine.close()
    assert delivered == [0]


def test_what_kills_the_thread_of_some_channels_leaves_those_with_other_scorers_alone() -> None:
    engine, delivered = Engine(max_panes=10), list[int]()
    dying = engine.register("dying", {"plain": Plain()}, die)
    living = engine.register("living", {"plain": Plain()}, lambda score: delivered.append(score.number))
    with pytest.raises(SystemExit):
        dying.put(pane(0)) and dying.flush()
    living.put(pane(0))
    living.flush()
    living.put(pane(1))
    with pytest.raises(SystemExit):
        engine.close()
    assert delivered == [0, 1]


def test_a_closed_engine_takes_no_more_panes_and_may_be_closed_again() -> None:
    engine = Engine(max_panes=10)
    feed = engine.register("a", {"plain": Plain()}, lambda score: None)
    engine.close()
    assert not feed.put(pane(0))
    assert not engine.register("b", {"plain": Plain()}, lambda score: None).put(pane(0))
    engine.close()


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=50), st.randoms())
def test_a_sum_does_not_depend_on_the_order_of_its_samples(values: list[float], random: object) -> None:
    shuffled = values.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    scores: list[PaneScore] = []
    with Engine(max_panes=2) as engine:
        feed = engine.register("a", {"plain": Plain()}, scores.append)
        feed.put(pane(0, *values))
        feed.put(pane(1, *shuffled))
    assert scores[0].signals["plain"] == scores[1].signals["plain"]


# ---- channels beside each other --------------------------------------------------------------------------------------


def test_channels_with_the_same_scorers_share_their_calls_and_each_has_only_its_own_signals() -> None:
    shared, own = Gated(), Plain()
    scores: list[PaneScore] = []
    with held_back(shared) as (engine, _):
        a, b = (engine.register(name, {"plain": shared}, scores.append) for name in "ab")
        a.put(pane(0, 1.0))
        b.put(pane(1, 2.0))
        shared.gate.set()
        a.flush()
        b.flush()
        c = engine.register("c", {"plain": shared, "own": own}, scores.append)
        c.put(pane(2, 3.0))
        c.flush()
    assert shared.batches == [[99], [0, 1], [2]]
    assert own.batches == [[2]]
    assert [list(score.signals) for score in scores] == [["plain"], ["plain"], ["plain", "own"]]


def test_a_channel_that_decides_nothing_holds_up_no_other() -> None:
    #  stuck   0 1 │ 2 3 4 5      two are undecided: no more of it are scored
    #  good    0 1 2 3 4 5 6 7 8 9
    delivered: dict[str, list[int]] = {"stuck": [], "good": []}

    def into(name: str) -> Callable[[PaneScore], None]:
        return lambda score: delivered[name].append(score.number)

    with Engine(max_panes=6) as engine:
        stuck = engine.register("stuck", {"plain": Plain()}, into("stuck"), max_undecided=2)
        good = engine.register("good", {"plain": Plain()}, into("good"), max_undecided=2)
        for number in range(6):
            stuck.put(pane(number))
        for number in range(10):
            good.put(pane(number))
            good.flush()
            good.decided()
        assert delivered == {"stuck": [0, 1], "good": list(range(10))}
        stuck.decided()
        stuck.close()  # what was put is delivered all the same
    assert delivered["stuck"] == list(range(6))


@settings(deadline=None)
@given(st.lists(st.sampled_from(["put", "decide"]), max_size=60))
def test_never_more_panes_are_undecided_than_the_channel_allows(steps: list[str]) -> None:
    undecided, most = 0, 0
    lock = threading.Lock()

    def deliver(score: PaneScore) -> None:
        nonlocal undecided, most
        with lock:
            undecided += 1
            most = max(most, undecided)

    with Engine(max_panes=100) as engine:
        feed = engine.register("a", {"plain": Plain()}, deliver, max_undecided=3)
        for number, step in enumerate(steps):
            if step == "put":
                feed.put(pane(number))
            else:
                with lock:
                    decide, undecided = undecided > 0, max(undecided - 1, 0)
                if decide:
                    feed.decided()
        assert most <= 3


def test_a_pane_waits_for_those_of_other_channels_so_that_they_share_a_batch() -> None:
    #  a   0 │ ─────── 1     it had one just now, so that another may be on its way
    #  b     │ 10 ─ waits
    scorer = Plain()
    with Engine(max_panes=4, gather_seconds=1000.0, clock=lambda: 0.0) as engine:
        a = engine.register("a", {"plain": scorer}, lambda score: None)
        b = engine.register("b", {"plain": scorer}, lambda score: None)
        a.put(pane(0))
        assert ends(a.flush)
        b.put(pane(10))
        a.put(pane(1))
        assert ends(b.flush)
    assert scorer.batches == [[0], [1, 10]]


def test_a_pane_waits_for_no_channel_that_had_none_lately_or_may_have_none_scored_now() -> None:
    #  a        0 │      │ 1
    #  b          │ 10   │
    #  silent     │      │         offline
    #  stuck      │      │ 20      nothing is decided: its credit is used up
    scorer, now = Plain(), [0.0]
    with Engine(max_panes=4, gather_seconds=1000.0, clock=lambda: now[0]) as engine:
        engine.register("silent", {"plain": scorer}, lambda score: None)
        a, b, stuck = (engine.register(n, {"plain": scorer}, lambda score: None, max_undecided=1) for n in ("a", "b", "stuck"))
        for feed, number in ((a, 0), (b, 10), (stuck, 20)):
            feed.put(pane(number))
            assert ends(feed.flush)
            now[0] += PANES_EXPECTED * pane(number).duration_seconds
        stuck.decided()
        stuck.put(pane(21))
        assert ends(stuck.flush)
        a.decided()
        a.put(pane(1))
        assert ends(a.flush)
    assert scorer.batches == [[0], [10], [20], [21], [1]]


def test_a_pane_does_not_wait_for_ever_for_a_channel_that_has_no_other() -> None:
    scorer = Plain()
    with Engine(max_panes=4, gather_seconds=0.001) as engine:
        silent = engine.register("silent", {"plain": scorer}, lambda score: None)
        a = engine.register("a", {"plain": scorer}, lambda score: None)
        silent.put(pane(10))
        silent.flush()
        a.put(pane(0))
        assert ends(a.flush)
    assert scorer.batches == [[10], [0]]


# ---- channels with other scorers --------------------------------------------------------------------------------------


def thread_of(engine: Engine, scorers: Mapping[str, Scorer]) -> str:
    names: list[str] = []
    feed = engine.register("any", scorers, lambda score: names.append(threading.current_thread().name))
    feed.put(pane(0))
    assert ends(feed.flush)
    return names[0]


def test_there_is_one_thread_for_each_set_of_scorers() -> None:
    shared, light, heavy = Plain(), Plain(), Plain()
    with Engine(max_panes=4) as engine:
        assert thread_of(engine, {"loud": shared, "new": light}) == "engine"
        assert thread_of(engine, {"loud": shared, "new": light}) == "engine", "a mapping of its own, the same scorers"
        assert thread_of(engine, {"loud": shared, "new": heavy}) == "engine-2"
        assert thread_of(engine, {"loud": shared}) == "engine-3"
        assert thread_of(engine, {"new": heavy, "loud": shared}) == "engine-2"


def test_a_scorer_that_hangs_holds_up_no_channel_that_does_without_it() -> None:
    #  hung    loud ✓ new …            in its first pane for as long as the test likes
    #  good    loud ✓ other ✓ …        goes on, through the scorer that both have
    hanging, shared = Gated(), Plain()
    delivered: dict[str, list[int]] = {"hung": [], "good": []}
    with Engine(max_panes=4, gather_seconds=1000.0, clock=lambda: 0.0) as engine:
        hung = engine.register("hung", {"loud": shared, "new": hanging}, lambda score: delivered["hung"].append(score.number))
        good = engine.register("good", {"loud": shared, "new": Plain()}, lambda score: delivered["good"].append(score.number))
        hung.put(pane(0))
        assert hanging.entered.wait(10)
        for number in range(20):
            assert good.put(pane(number), timeout_seconds=10)
            assert ends(good.flush)
        assert delivered == {"hung": [], "good": list(range(20))}
        hanging.gate.set()
    assert delivered["hung"] == [0]


def test_closing_delivers_the_panes_of_all_others_while_a_scorer_hangs() -> None:
    #  hung   0 …
    #  good   0 │ 1 2 3     one is undecided: the rest is scored because the engine closes
    hanging, delivered = Gated(), threading.Semaphore(0)
    engine = Engine(max_panes=4)
    engine.register("hung", {"new": hanging}, lambda score: None).put(pane(0))
    good = engine.register("good", {"new": Plain()}, lambda score: delivered.release(), max_undecided=1)
    for number in range(4):
        good.put(pane(number))
    assert hanging.entered.wait(10)
    closing = threading.Thread(target=engine.close)
    closing.start()
    came = [delivered.acquire(timeout=5) for _ in range(4)]
    is_waiting = closing.is_alive()
    hanging.gate.set()
    closing.join(10)
    assert came == [True] * 4
    assert is_waiting, "for the scorer that hangs"
    assert not closing.is_alive()


class Alone:
    """Notes whether two threads were ever in it at once, and gives them every occasion. Its samples lie in its own memory."""

    signal = "plain"

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.values = np.zeros(1)

    def start(self) -> None:
        return None

    def score(self, batch: Sequence[tuple[None, Pane]]) -> list[Samples]:
        self.inside += 1
        for _ in range(1000):
            self.most = max(self.most, self.inside)
        self.inside -= 1
        for _, pane in batch:
            assert pane.sound is not None
            self.values[:] = pane.sound.samples
        return [Samples(np.zeros(1), self.values) for _ in batch]


@pytest.fixture
def restless_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("restless_threads")
def test_a_scorer_is_in_one_thread_at_a_time_however_many_share_it() -> None:
    shared = Alone()
    totals: dict[float, list[float]] = {1.0: [], 2.0: [], 3.0: []}
    with Engine(max_panes=100) as engine:
        feeds = {
            value: engine.register(
                "any",
                {"loud": shared, "new": Plain()},
                lambda score, value=value: totals[value].append(score.signals["loud"].total),  # type: ignore[misc]
            )
            for value in totals
        }
        for number in range(100):
            for value, feed in feeds.items():
                feed.put(pane(number, value))
    assert shared.most == 1
    assert totals == {value: [value] * 100 for value in totals}


class Falling(Plain):
    """Another kind from pane 2 on."""

    kind = "first"

    def score(self, batch: Sequence[tuple[list[int], Pane]]) -> list[Samples]:
        if any(pane.number >= 2 for _, pane in batch):
            self.kind = "second"
        return super().score(batch)


def test_the_first_pane_that_another_kind_measures_says_so_in_every_channel() -> None:
    #  a   0 1 │ 2 3      b   2 │
    scorer = Falling()
    scores: dict[str, list[PaneScore]] = {"a": [], "b": [], "late": []}
    with Engine(max_panes=4) as engine:
        a, b = (engine.register(name, {"plain": scorer}, scores[name].append) for name in "ab")
        for number in range(4):
            a.put(pane(number))
            a.flush()
        b.put(pane(2))
        engine.register("late", {"plain": scorer}, scores["late"].append).put(pane(3))
    assert [dict(score.fallen) for score in scores["a"]] == [{}, {}, {"plain": "second"}, {}]
    assert [dict(score.fallen) for score in scores["b"]] == [{"plain": "second"}]
    assert [dict(score.fallen) for score in scores["late"]] == [{}], "it never knew another"


def test_under_overload_every_channel_gets_the_same_share_of_each_batch() -> None:
    #  a   0 1 2 3 │ 4 5 6 7 │ …      b   the same: whoever has more waiting gets no more
    scorer = Gated()
    shares: list[tuple[int, int]] = []

    class Counting(Plain):
        def score(self, batch: Sequence[tuple[list[int], Pane]]) -> list[Samples]:
            shares.append((sum(pane.epoch == 0 for _, pane in batch), sum(pane.epoch == 1 for _, pane in batch)))
            return super().score(batch)

    with held_back(scorer) as (engine, _):
        counting = Counting()
        a, b = (engine.register(name, {"plain": counting}, lambda score: None) for name in "ab")
        for number in range(40):
            a.put(pane(number, epoch=0))
        for number in range(20):
            b.put(pane(number, epoch=1))
        scorer.gate.set()
        a.flush()
        b.flush()
    assert shares == [(4, 4)] * 5 + [(4, 0)] * 5
