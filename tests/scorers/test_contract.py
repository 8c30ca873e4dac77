"""What every scorer and every observer must hold to. What the tables name is picked up; ``HELPED`` makes what needs help."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scorers import OBSERVERS, SCORERS
from stream_processor.contracts import Memory, Scorer
from stream_processor.records import Pane, Samples
from stream_processor.tables import find
from tests.scorers.scenes import Scene, black

OBSERVER = "observer"
EVERY_SIGNAL = [(signal, kind) for signal, kinds in SCORERS.items() for kind in kinds]
EVERY_KIND = [*EVERY_SIGNAL, *((name, OBSERVER) for name in OBSERVERS)]


def _clip(request: pytest.FixtureRequest) -> Scorer:
    from scorers.novelty_clip import ClipNovelty

    return ClipNovelty(request.getfixturevalue("tiny_clip").embedder, picture_fps=2.0)


HELPED: dict[tuple[str, str], Callable[[pytest.FixtureRequest], Scorer]] = {("novelty", "clip"): _clip}

TOLERANCE = {
    ("novelty", "clip"): 1e-5,
    ("motion", "farneback-torch"): 1e-5,
    **dict.fromkeys([("aesthetics", "clip"), ("likeness", "clip")], 1e-5),  # of main best
}
"""Matrix products round differently with the size of the batch; all other values must be the same bit for bit."""


@pytest.fixture(params=EVERY_KIND, ids="-".join, scope="module")
def kind(request: pytest.FixtureRequest) -> tuple[str, str]:
    name: tuple[str, str] = request.param
    return name


@pytest.fixture(scope="module")
def scorer(kind: tuple[str, str], request: pytest.FixtureRequest) -> Scorer:
    if kind in HELPED:
        return HELPED[kind](request)
    made: Scorer = (find(OBSERVERS, kind[0], "observers") if kind[1] == OBSERVER else find(SCORERS[kind[0]], kind[1], "kind"))()
    return made


def score_one_by_one(scorer: Scorer, panes: list[Pane], memory: Memory = None) -> Samples:
    memory = scorer.start() if memory is None else memory
    return joined([scorer.score([(memory, pane)])[0] for pane in panes])


def joined(parts: list[Samples]) -> Samples:
    return Samples(np.concatenate([part.times for part in parts]), np.concatenate([part.values for part in parts]))


def assert_same(got: Samples, expected: Samples, tolerance: float) -> None:
    np.testing.assert_array_equal(got.times, expected.times)
    np.testing.assert_allclose(got.values, expected.values, rtol=0, atol=tolerance)


some_cuts = st.lists(st.floats(0.05, 3.95).map(lambda seconds: round(seconds, 2)), max_size=8)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=some_cuts, other_cuts=some_cuts, data=st.data())
def test_values_do_not_depend_on_how_frames_were_cut_into_panes_or_batched(
    scorer: Scorer, kind: tuple[str, str], cuts: list[float], other_cuts: list[float], data: st.DataObject
) -> None:
    #  channel a  ├──0──┼─1─┼────2────┤        batches of any size, of both channels, each in its own order
    #  channel b  ├0┼──────1──────┼─2─┤
    scenes = {"a": Scene(seed=1), "b": Scene(seed=2, speed=0.3)}
    tolerance = TOLERANCE.get(kind, 0.0)
    waiting = {"a": scenes["a"].panes(cuts), "b": scenes["b"].panes(other_cuts)}
    memories = {name: scorer.start() for name in scenes}
    results: dict[str, list[Samples]] = {name: [] for name in scenes}
    while any(waiting.values()):
        names = data.draw(st.lists(st.sampled_from(sorted(name for name in waiting if waiting[name])), min_size=1, max_size=6))
        batch = [(name, waiting[name].pop(0)) for name in names if waiting[name]]
        scored = scorer.score([(memories[name], pane) for name, pane in batch])
        assert len(scored) == len(batch)
        for (name, _), samples in zip(batch, scored, strict=True):
            results[name].append(samples)
    for name, scene in scenes.items():
        assert_same(joined(results[name]), score_one_by_one(scorer, scene.panes()), tolerance)


def test_it_measures_something_and_says_when(scorer: Scorer, kind: tuple[str, str]) -> None:
    assert scorer.signal == kind[0]
    samples = score_one_by_one(scorer, Scene().panes([1, 2, 3]))
    assert len(samples.times) > 0
    assert (np.diff(samples.times) > 0).all()
    assert ((samples.times >= 0) & (samples.times < 4)).all()
    assert samples.values.mean() > 0 or kind == ("nuisance", "standby")  # which speaks of what has stood still for long


def test_what_it_keeps_fits_its_table(scorer: Scorer, kind: tuple[str, str]) -> None:
    assert (getattr(scorer, "keeps", "sum") == "samples") == (kind[1] == OBSERVER)


def test_a_pane_without_its_kind_of_media_has_no_samples(scorer: Scorer) -> None:
    nothing = Pane(0, 0, 0.0, 1.0, frames=None, pictures=None, sound=None)
    some = Scene().panes([1, 2, 3])
    memory = scorer.start()
    first, second = scorer.score([(memory, nothing), (memory, some[0])])
    assert len(first.times) == 0
    assert_same(second, score_one_by_one(scorer, some[:1]), 1e-5)


def test_the_input_is_not_changed(scorer: Scorer) -> None:
    panes, untouched = Scene().panes([1, 2, 3]), Scene().panes([1, 2, 3])
    score_one_by_one(scorer, panes)
    for pane, same in zip(panes, untouched, strict=True):
        assert pane.frames and pane.pictures and pane.sound and same.frames and same.pictures and same.sound  # noqa: PT018
        np.testing.assert_array_equal(pane.frames.planes, same.frames.planes)
        np.testing.assert_array_equal(pane.pictures.rgb, same.pictures.rgb)
        np.testing.assert_array_equal(pane.sound.samples, same.sound.samples)


def test_what_it_remembers_does_not_lie_in_the_pane_whose_memory_is_used_again(scorer: Scorer) -> None:
    memory, parts = scorer.start(), []
    for pane in Scene().panes([1, 2, 3]):
        parts += scorer.score([(memory, pane)])
        assert pane.frames and pane.pictures and pane.sound  # noqa: PT018
        for array in (pane.frames.planes, pane.pictures.rgb, pane.sound.samples):
            array[:] = 77
    assert_same(joined(parts), score_one_by_one(scorer, Scene().panes([1, 2, 3])), 1e-5)


def test_a_new_memory_has_forgotten(scorer: Scorer) -> None:
    fresh = score_one_by_one(scorer, Scene(seed=5).panes())
    score_one_by_one(scorer, Scene(seed=4).panes())
    assert_same(score_one_by_one(scorer, Scene(seed=5).panes()), fresh, 0.0)


def test_black_and_silence_give_finite_values_next_to_nothing(scorer: Scorer) -> None:
    samples = score_one_by_one(scorer, black())
    assert len(samples.values) > 0 or scorer.signal == "timbre"  # silence has none
    assert samples.values.max(initial=0.0) < 1e-3


@pytest.mark.parametrize("kind", EVERY_SIGNAL, ids="-".join, indirect=True, scope="module")  # only signals are added up
@pytest.mark.parametrize(
    "otherwise",
    [
        Scene(seconds=6, height=90, picture_size=64),
        Scene(seconds=6, height=180, fps=10, picture_size=64, picture_fps=4, sample_rate=48000),
    ],
    ids=["larger", "larger-and-faster"],
)
def test_the_unit_does_not_depend_on_frame_size_or_sampling_rate(scorer: Scorer, otherwise: Scene) -> None:
    usual = score_one_by_one(scorer, Scene(seconds=6, height=72, picture_size=32).panes())
    other = score_one_by_one(scorer, otherwise.panes())
    assert other.values.mean() == pytest.approx(usual.values.mean(), rel=0.2)
