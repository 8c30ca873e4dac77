"""Down the ladder: shrink, shrink, fall. r: rung, m: most panes at once that its device has room for."""

import gc
import weakref
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from scorers.ladder import Ladder, Rung, RungMemory
from scorers.sparing import halve
from stream_processor.contracts import Scorer
from stream_processor.engine import Engine
from stream_processor.errors import ScorerError
from stream_processor.records import Pane, PaneScore, Samples

SHORT = "CUDA out of memory. Tried to allocate 20.00 MiB"
LOST = "CUDA error: unspecified launch failure"


class Device:
    """Scores ``max_batch`` panes at once. A memory is the numbers of the panes that it saw; each attempt is written down.

    Its device has room for ``room`` panes; ``errors`` says for a pane's number what goes wrong with it. What fails has already
    changed the memories of the panes before.
    """

    signal = "motion"

    def __init__(self, value: float, *, room: int = 100, max_batch: int = 8, errors: dict[int, Exception] | None = None) -> None:
        self.value = value
        self.room = room
        self.max_batch = max_batch
        self.errors = errors or {}
        self.attempts: list[list[int]] = []

    def start(self) -> list[int]:
        return []

    def score(self, batch: Sequence[tuple[list[int], Pane]]) -> list[Samples]:
        self.attempts.append([pane.number for _, pane in batch])
        samples = []
        for seen, pane in batch:
            seen.append(pane.number)
            if pane.number in self.errors:
                raise self.errors[pane.number]
            samples.append(Samples(np.arange(float(len(seen))), np.full(len(seen), self.value)))
            if min(self.max_batch, len(batch)) > self.room:
                raise RuntimeError(SHORT)
        return samples


def pane(number: int) -> Pane:
    return Pane(0, number, float(number), 1.0, None, None, None)


def smaller(scorer: Device) -> str | None:
    return halve(scorer, "max_batch", "panes")


def two_rungs(top: Device, bottom: Device) -> Ladder:
    return Ladder("motion", [Rung("flow", lambda: top, smaller, "on cuda:0"), Rung("simple", lambda: bottom)])


def scored(ladder: Ladder, memory: RungMemory, *numbers: int) -> list[list[float]]:
    return [samples.values.tolist() for samples in ladder.score([(memory, pane(number)) for number in numbers])]


def test_at_its_top_it_is_the_first_rung_and_nothing_else() -> None:
    top, bottom = Device(1.0), Device(2.0)
    ladder = two_rungs(top, bottom)
    memory = ladder.start()
    assert scored(ladder, memory, 0, 1) + scored(ladder, memory, 2) == [[1.0], [1.0] * 2, [1.0] * 3]
    assert (ladder.kind, ladder.reason, ladder.shrinks, ladder.falls) == ("flow", "", 0, 0)
    assert bottom.attempts == []


def test_short_of_memory_it_shrinks_until_the_same_panes_fit() -> None:
    #  max_batch  8 ✗  4 ✗  2 ✓
    top = Device(1.0, room=2)
    ladder = two_rungs(top, Device(2.0))
    with structlog.testing.capture_logs() as logs:
        assert scored(ladder, ladder.start(), 0, 1, 2) == [[1.0], [1.0] * 2, [1.0] * 3]
    assert top.attempts == [[0, 1, 2]] * 3
    assert (ladder.kind, ladder.shrinks, ladder.falls) == ("flow", 2, 0)
    assert [entry["event"] for entry in logs] == [
        "motion: short of memory: at most 4 panes at once",
        "motion: short of memory: at most 2 panes at once",
    ]
    assert logs[0]["reason"] == SHORT
    assert ladder.reason == "short of memory: at most 2 panes at once"


def test_what_fits_after_shrinking_stays_shrunk() -> None:
    top = Device(1.0, room=2)
    ladder = two_rungs(top, Device(2.0))
    memory = ladder.start()
    scored(ladder, memory, 0, 1, 2)
    scored(ladder, memory, 3, 4, 5)
    assert len(top.attempts) == 4
    assert ladder.shrinks == 2


def test_when_it_cannot_shrink_any_more_the_next_rung_scores_the_whole_batch() -> None:
    #  flow      8 ✗ 4 ✗ 2 ✗ 1 ✗
    #  simple                    0 1 2 ✓
    top, bottom = Device(1.0, room=0), Device(2.0)
    ladder = two_rungs(top, bottom)
    with structlog.testing.capture_logs() as logs:
        assert scored(ladder, ladder.start(), 0, 1, 2) == [[2.0], [2.0] * 2, [2.0] * 3]
    assert len(top.attempts) == 4
    assert bottom.attempts == [[0, 1, 2]]
    assert (ladder.kind, ladder.shrinks, ladder.falls) == ("simple", 3, 1)
    assert logs[-1]["event"] == "motion is measured by simple from now on"
    assert ladder.reason == f"simple instead of flow on cuda:0: {SHORT}"
    assert (logs[-1]["before"], logs[-1]["reason"], logs[-1]["falls"]) == ("flow on cuda:0", SHORT, 1)


def test_a_lost_device_is_left_at_once() -> None:
    ladder = two_rungs(Device(1.0, errors={1: RuntimeError(LOST)}), Device(2.0))
    assert scored(ladder, ladder.start(), 0, 1) == [[2.0], [2.0, 2.0]]
    assert (ladder.shrinks, ladder.falls) == (0, 1)
    assert ladder.reason == f"simple instead of flow on cuda:0: {LOST}"


def test_below_nothing_remembers_what_was_above() -> None:
    #  panes of a:  0 1 │ 3    b:  2 │ 4       a's pane 3 loses the device, b was not in that batch
    top, bottom = Device(1.0, errors={3: RuntimeError(LOST)}), Device(2.0)
    ladder = two_rungs(top, bottom)
    a, b = ladder.start(), ladder.start()
    scored(ladder, a, 0, 1)
    scored(ladder, b, 2)
    assert scored(ladder, a, 3) == [[2.0]]
    assert scored(ladder, b, 4) == [[2.0]]


def test_after_shrinking_only_the_panes_of_that_batch_have_forgotten() -> None:
    top = Device(1.0, room=2)
    ladder = two_rungs(top, Device(2.0))
    a, b = ladder.start(), ladder.start()
    scored(ladder, a, 0)
    scored(ladder, b, 10)
    assert scored(ladder, a, 1, 2, 3) == [[1.0], [1.0] * 2, [1.0] * 3]
    assert scored(ladder, b, 11) == [[1.0, 1.0]]


def test_an_ordinary_error_is_the_engine_s_to_deal_with() -> None:
    ladder = two_rungs(Device(1.0, errors={1: ValueError("a pane without a picture")}), Device(2.0))
    with pytest.raises(ValueError, match="a pane without a picture"):
        scored(ladder, ladder.start(), 0, 1)
    assert (ladder.kind, ladder.shrinks, ladder.falls) == ("flow", 0, 0)


def test_the_last_rung_says_so_each_time_and_tries_again() -> None:
    bottom = Device(2.0, errors={1: RuntimeError(LOST)})
    ladder = two_rungs(Device(1.0, errors={0: RuntimeError(LOST)}), bottom)
    assert scored(ladder, ladder.start(), 0) == [[2.0]]
    with pytest.raises(ScorerError, match="motion: CUDA error: unspecified launch failure"):
        scored(ladder, ladder.start(), 1)
    assert scored(ladder, ladder.start(), 2) == [[2.0]]
    assert ladder.falls == 1


# ---- making rungs ----------------------------------------------------------------------------------------------------


def raising(error: Exception) -> Callable[[], Scorer]:
    def make() -> Scorer:
        raise error

    return make


def test_a_first_rung_that_its_device_has_no_room_for_is_left_out() -> None:
    ladder = Ladder("motion", [Rung("flow", raising(RuntimeError(SHORT))), Rung("simple", lambda: Device(2.0))])
    assert (ladder.kind, ladder.falls) == ("simple", 1)
    assert scored(ladder, ladder.start(), 0) == [[2.0]]


def test_a_first_rung_that_was_asked_for_wrongly_is_an_error() -> None:
    with pytest.raises(ScorerError, match="no such weights"):
        Ladder("motion", [Rung("flow", raising(ScorerError("no such weights"))), Rung("simple", lambda: Device(2.0))])


def test_without_any_rung_that_can_be_made_there_is_no_ladder() -> None:
    with pytest.raises(ScorerError, match=r"motion: flow cannot be had: .*; no such weights"):
        Ladder("motion", [Rung("flow", raising(RuntimeError(SHORT))), Rung("simple", raising(ScorerError("no such weights")))])


def test_a_lower_rung_that_cannot_be_made_is_stepped_over() -> None:
    top = Device(1.0, errors={0: RuntimeError(LOST)})
    rungs = [
        Rung("flow", lambda: top),
        Rung("middle", raising(ScorerError("no such weights"))),
        Rung("simple", lambda: Device(3.0)),
    ]
    ladder = Ladder("motion", rungs)
    assert scored(ladder, ladder.start(), 0) == [[3.0]]
    assert (ladder.kind, ladder.falls) == ("simple", 2)


def test_when_nothing_is_left_each_pane_is_told_why() -> None:
    top = Device(1.0, errors={0: RuntimeError(LOST)})
    ladder = Ladder("motion", [Rung("flow", lambda: top), Rung("simple", raising(ScorerError("no such weights")))])
    memory = ladder.start()
    with pytest.raises(ScorerError, match="unspecified launch failure"):
        scored(ladder, memory, 0)
    with pytest.raises(ScorerError, match=r"nothing is left to measure it with: .*no such weights"):
        scored(ladder, memory, 1)


def test_what_a_rung_held_is_free_before_the_next_is_made() -> None:
    tops: list[weakref.ref[Device]] = []
    were_alive: list[bool] = []

    def make_top() -> Scorer:
        top = Device(1.0, errors={0: RuntimeError(LOST)})
        tops.append(weakref.ref(top))
        return top

    def make_bottom() -> Scorer:
        gc.collect()  # the error of this test and its frames make a circle
        were_alive.append(tops[0]() is not None)
        return Device(2.0)

    ladder = Ladder("motion", [Rung("flow", make_top), Rung("simple", make_bottom)])
    scored(ladder, ladder.start(), 0)
    assert were_alive == [False]


def test_the_pictures_that_a_rung_wants_are_the_ladder_s() -> None:
    class OfPictures(Device):
        picture_size = 224
        picture_fps = 5.0

    ladder = two_rungs(OfPictures(1.0, errors={0: RuntimeError(LOST)}), Device(2.0))
    assert (ladder.picture_size, ladder.picture_fps) == (224, 5.0)
    scored(ladder, ladder.start(), 0)
    assert (ladder.picture_size, ladder.picture_fps) == (0, 0.0)


def test_pytorch_s_true_errors_lead_down() -> None:
    import torch

    short: dict[int, Exception] = {0: torch.cuda.OutOfMemoryError("CUDA out of memory.")}
    lost: dict[int, Exception] = {0: torch.AcceleratorError("CUDA error: device-side assert triggered")}
    for errors, shrinks in ((short, 3), (lost, 0)):
        ladder = two_rungs(Device(1.0, errors=errors), Device(2.0))
        assert scored(ladder, ladder.start(), 0) == [[2.0]]
        assert (ladder.shrinks, ladder.falls) == (shrinks, 1)


def test_in_the_engine_the_first_pane_that_the_lower_rung_scores_says_so() -> None:
    #  flow    0 1
    #  simple      2 3
    ladder, scores = two_rungs(Device(1.0, errors={2: RuntimeError(LOST)}), Device(2.0)), list[PaneScore]()
    with Engine(max_panes=4) as engine:
        feed = engine.register("a", {"motion": ladder}, scores.append)
        for number in range(4):
            feed.put(pane(number))
            feed.flush()
    assert [score.signals["motion"].mean for score in scores] == [1.0, 1.0, 2.0, 2.0]
    assert [dict(score.fallen) for score in scores] == [{}, {}, {"motion": "simple"}, {}]


# ---- the law ---------------------------------------------------------------------------------------------------------

batches = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=1, max_size=8)
errors = st.sampled_from([RuntimeError(SHORT), RuntimeError(LOST), ValueError("a wrong shape")])


@given(batches=batches, room=st.integers(0, 8), errors=st.dictionaries(st.integers(0, 30), errors, max_size=6))
def test_no_batch_mixes_kinds_and_no_memory_is_of_another_rung_or_of_a_failed_attempt(
    batches: list[list[int]], room: int, errors: dict[int, Exception]
) -> None:
    ladder = two_rungs(Device(1.0, room=room, errors=errors), Device(2.0))
    memories = [ladder.start() for _ in range(3)]
    number, falls = 0, 0
    for channels in batches:
        panes = [(memories[channel], pane(number + place)) for place, channel in enumerate(channels)]
        number += len(channels)
        try:
            samples = ladder.score(panes)
        except ValueError:
            memories = [ladder.start() for _ in range(3)]  # as the engine does
            continue
        expected = {"flow": 1.0, "simple": 2.0}[ladder.kind]
        assert all(value == expected for one in samples for value in one.values)
        assert ladder.falls in (falls, falls + 1)
        for memory, scored_pane in panes:
            assert memory.inner.count(scored_pane.number) == 1
            assert memory.inner == sorted(memory.inner)
        falls = ladder.falls
    assert falls <= 1
