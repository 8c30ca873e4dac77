from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.contracts import Normaliser
from stream_processor.records import Window, replace
from stream_processor.saliency import FLOORS, NORMALISERS, Rank, Raw, RobustZ
from stream_processor.tables import find

WEIGHTS = {"motion": 0.4, "novelty": 0.4, "loudness": 0.2}
CALM = [0.010, 0.012, 0.011, 0.030, 0.009, 0.025, 0.010, 0.028, 0.011, 0.020]


def window(number: int, values: Mapping[str, float]) -> Window:
    return Window(0, number, 3.0 * number, 3.0 * number + 5, values, (3 * number, 3 * number + 5))


def windows(**signals: Sequence[float]) -> list[Window]:
    columns = zip(*signals.values(), strict=True)
    return [window(number, dict(zip(signals, values, strict=True))) for number, values in enumerate(columns)]


def taught(history: Sequence[Window], normaliser: Normaliser | None = None) -> Normaliser:
    made = normaliser or RobustZ(WEIGHTS, 600)
    made.learn(history)
    return made


@pytest.mark.parametrize("kind", NORMALISERS)
def test_every_kind_in_the_table_is_a_normaliser(kind: str) -> None:
    made = find(NORMALISERS, kind, "saliency.kind")(WEIGHTS, 600.0)
    assert isinstance(made, Normaliser)
    made.learn(windows(motion=CALM, novelty=CALM, loudness=CALM))
    lively, calm = (made.score(window(99, dict.fromkeys(WEIGHTS, value))) for value in (0.5, 0.011))
    assert lively.saliency > calm.saliency


@pytest.mark.parametrize("kind", NORMALISERS)
def test_scoring_does_not_change_the_history(kind: str) -> None:
    made = taught(windows(motion=CALM), find(NORMALISERS, kind, "saliency.kind")(WEIGHTS, 600.0))
    probe = window(99, {"motion": 0.5})
    assert made.score(probe) == made.score(probe)


def test_black_and_silence_are_never_unusual() -> None:
    made = taught(windows(motion=[0.0] * 50, novelty=[0.0] * 50, loudness=[0.0] * 50))
    assert made.score(window(50, dict.fromkeys(WEIGHTS, 0.0))).saliency == 0
    noise = {signal: floor / 20 for signal, floor in FLOORS.items()}
    assert abs(made.score(window(50, noise)).saliency) < 0.05


def test_one_signal_gone_wild_counts_less_than_three_that_agree() -> None:
    made = taught(windows(motion=CALM, novelty=CALM, loudness=CALM))
    wild = made.score(window(10, {"motion": 9.0, "novelty": 0.011, "loudness": 0.002}))
    agreed = made.score(window(10, {"motion": 0.06, "novelty": 0.06, "loudness": 0.06}))
    assert agreed.saliency > 2 * wild.saliency


def test_sound_alone_can_make_a_highlight_of_a_still_picture() -> None:
    made = taught(windows(motion=[0.0005] * 20, novelty=[0.0] * 20, loudness=[0.0, 0.001] * 10))
    assert made.score(window(20, {"motion": 0.0005, "novelty": 0.0, "loudness": 0.2})).saliency > 0.9


def test_sound_alone_does_not_where_the_picture_usually_moves() -> None:
    made = taught(windows(motion=CALM, novelty=CALM, loudness=[0.0, 0.001] * 5))
    assert made.score(window(10, {"motion": 0.011, "novelty": 0.011, "loudness": 0.2})).saliency < 0.5


def test_a_gap_contributes_no_deviation() -> None:
    made = taught(windows(motion=CALM, novelty=CALM, loudness=CALM))
    scored = made.score(window(10, {"motion": 0.5}))
    assert set(scored.deviations) == {"motion"}
    assert scored.saliency == pytest.approx(0.4 * scored.deviations["motion"])


def test_a_signal_never_seen_is_left_out_and_named() -> None:
    made = RobustZ(WEIGHTS, 600)
    assert made.absent == ["motion", "novelty", "loudness"]
    made.learn(windows(motion=CALM, novelty=CALM))
    assert made.absent == ["loudness"]
    scored = made.score(window(10, {"motion": 0.5, "novelty": 0.5}))
    assert scored.saliency == pytest.approx(0.5 * sum(scored.deviations.values()))


def test_a_signal_that_only_begins_has_nothing_to_be_compared_with() -> None:
    scored = taught(windows(motion=CALM)).score(window(10, {"motion": 0.5, "loudness": 0.5}))
    assert set(scored.deviations) == {"motion"}


def test_without_any_history_nothing_is_unusual() -> None:
    assert RobustZ(WEIGHTS, 600).score(window(0, {"motion": 9.0})).saliency == 0


def test_an_outside_signal_needs_no_floor() -> None:
    made = taught(windows(cheers=[40.0, 41, 39, 40, 40, 41]), RobustZ({"cheers": 1.0}, 600))
    assert made.score(window(6, {"cheers": 41.0})).saliency < 0.1
    assert made.score(window(6, {"cheers": 240.0})).saliency > 0.9


def test_a_floor_can_be_given_for_it() -> None:
    history = windows(cheers=[0.0] * 6)
    bare, floored = (taught(history, RobustZ({"cheers": 1.0}, 600, floors=floors)) for floors in (None, {"cheers": 50.0}))
    assert bare.score(window(6, {"cheers": 1.0})).saliency > 0.9
    assert floored.score(window(6, {"cheers": 1.0})).saliency < 0.1


def test_what_is_older_than_the_history_is_forgotten() -> None:
    # 60 s of loud, then 60 s of quiet; with 30 s of history loud is unusual again
    loud_then_quiet = windows(loudness=[0.5] * 20 + [0.01] * 20)
    short, long = (taught(loud_then_quiet, RobustZ({"loudness": 1.0}, seconds)) for seconds in (30, 600))
    probe = window(40, {"loudness": 0.5})
    assert short.score(probe).saliency > 0.9 > long.score(probe).saliency


def test_ranks_know_order_alone() -> None:
    made = taught(windows(motion=[1.0, 2, 3, 4]), Rank({"motion": 1.0}, 600))
    assert [made.score(window(4, {"motion": value})).saliency for value in (0, 2.5, 5, 5e9)] == [-1, 0, 1, 1]


def test_raw_values_stay_as_they_are() -> None:
    made = taught(windows(motion=[1.0], loudness=[1.0]), Raw({"motion": 0.5, "loudness": 0.5}, 600))
    assert made.score(window(1, {"motion": 3.0, "loudness": 5.0})).saliency == 4.0


@given(st.lists(st.floats(0, 10), min_size=3, max_size=40), st.floats(0, 10), st.floats(0, 10))
def test_a_livelier_value_never_scores_less(history: list[float], low: float, high: float) -> None:
    made = taught(windows(motion=history), RobustZ({"motion": 1.0}, 600))
    low, high = sorted((low, high))
    below, above = (made.score(window(99, {"motion": value})).saliency for value in (low, high))
    assert below <= above
    assert below >= -3
    assert above <= 1


@given(st.lists(st.floats(0.1, 10), min_size=3, max_size=40), st.floats(0.1, 10), st.sampled_from([0.5, 2.0, 1024.0]))
def test_the_unit_of_an_outside_signal_does_not_matter(history: list[float], value: float, factor: float) -> None:
    plain = taught(windows(cheers=history), RobustZ({"cheers": 1.0}, 600))
    scaled = taught(windows(cheers=[each * factor for each in history]), RobustZ({"cheers": 1.0}, 600))
    assert plain.score(window(99, {"cheers": value})).saliency == pytest.approx(
        scaled.score(window(99, {"cheers": value * factor})).saliency, abs=1e-9
    )


# ---- a signal that another kind measures from some window on ---------------------------------------------------------


def restarting(number: int, values: Mapping[str, float]) -> Window:
    return replace(window(number, values), restarts=frozenset({"motion"}))


def test_a_window_that_restarts_a_signal_is_judged_without_it_and_begins_its_history() -> None:
    # motion    0.01 … 0.03 │ 900 910 905      another kind, another unit
    made = taught(windows(motion=CALM, loudness=CALM))
    first = restarting(10, {"motion": 900.0, "loudness": 0.011})
    assert set(made.score(first).deviations) == {"loudness"}
    made.learn([first])
    assert abs(made.score(window(11, {"motion": 910.0, "loudness": 0.011})).deviations["motion"]) < 0.01


def test_a_restart_without_a_value_forgets_as_well_and_the_signal_is_not_absent_for_that() -> None:
    made = taught(windows(motion=CALM, loudness=CALM), RobustZ({"motion": 0.5, "loudness": 0.5}, 600))
    made.learn([restarting(10, {"loudness": 0.011})])
    assert set(made.score(window(11, {"motion": 900.0, "loudness": 0.011})).deviations) == {"loudness"}
    assert list(getattr(made, "absent", ())) == []


def test_a_restart_of_a_signal_that_is_not_weighed_is_no_matter() -> None:
    made = taught(windows(loudness=CALM), RobustZ({"loudness": 1.0}, 600))
    made.learn([restarting(10, {"loudness": 0.011})])
    assert made.score(window(11, {"loudness": 0.011})).deviations.keys() == {"loudness"}


@pytest.mark.parametrize("kind", NORMALISERS)
@given(
    old=st.lists(st.floats(0, 1e6), min_size=1, max_size=20),
    other=st.floats(0, 1e6),
    new=st.lists(st.floats(0, 10), min_size=1, max_size=20),
)
def test_what_the_kind_before_measured_makes_no_difference(kind: str, old: list[float], other: float, new: list[float]) -> None:
    """Two streams, alike but for what the first kind said of motion."""
    scored = []
    for before in (old, [other] * len(old)):
        made = find(NORMALISERS, kind, "saliency.kind")({"motion": 0.5, "loudness": 0.5}, 600.0)
        made.learn(windows(motion=before, loudness=[0.1] * len(old)))
        steps = []
        for place, value in enumerate(new):
            values = {"motion": value, "loudness": 0.2}
            next_ = restarting(len(old), values) if place == 0 else window(len(old) + place, values)
            steps.append(made.score(next_))
            made.learn([next_])
        scored.append(steps)
    assert scored[0] == scored[1]
