"""The laws of ``test_contract`` for the scorers of ``main best``, which are in no table: ``best.py`` builds them."""

from collections.abc import Callable

import numpy as np
import pytest

from scorers.exposure import Exposure
from scorers.faces import Faces
from scorers.heads import HeadScorer, Linear, Nearest
from scorers.look import Look
from scorers.loudness import Rms
from scorers.motion import OpticalFlow
from scorers.observed import Observed
from scorers.shared_embedding import ByClip, ByLight, Shared
from scorers.sharpness import Sharpness
from scorers.smaller import Smaller
from scorers.ultraface import Face
from stream_processor.contracts import Scorer
from tests.scorers.scenes import Scene, black
from tests.scorers.test_contract import (
    score_one_by_one,
    test_a_new_memory_has_forgotten,  # noqa: F401
    test_a_pane_without_its_kind_of_media_has_no_samples,  # noqa: F401
    test_the_input_is_not_changed,  # noqa: F401
    test_values_do_not_depend_on_how_frames_were_cut_into_panes_or_batched,  # noqa: F401
    test_what_it_remembers_does_not_lie_in_the_pane_whose_memory_is_used_again,  # noqa: F401
)


class MiddleIsAFace:
    def faces(self, planes: object, /) -> list[Face]:
        return [Face(0.25, 0.25, 0.75, 0.75, 1.0)]


def light() -> Shared:
    return Shared(ByLight(Smaller(20)))


def clip(request: pytest.FixtureRequest) -> Shared:
    return Shared(ByClip(request.getfixturevalue("tiny_clip").embedder))


def any_vectors(n: int, d: int) -> np.ndarray:
    vectors = np.random.default_rng(3).normal(size=(n, d))
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


MAKE: dict[tuple[str, str], Callable[[pytest.FixtureRequest], Scorer]] = {
    ("sharpness", ""): lambda request: Sharpness(),
    ("exposure", ""): lambda request: Exposure(),
    ("motion", "smaller"): lambda request: Observed(OpticalFlow(), Smaller(20)),
    ("loudness", ""): lambda request: Observed(Rms()),
    ("faces", ""): lambda request: Faces(MiddleIsAFace()),
    ("look", "light"): lambda request: Look(light()),
    ("look", "clip"): lambda request: Look(clip(request)),
    ("likeness", "light"): lambda request: HeadScorer("likeness", light(), Nearest(any_vectors(3, 384))),
    ("likeness", "clip"): lambda request: HeadScorer("likeness", clip(request), Nearest(any_vectors(3, 64))),
    ("aesthetics", "clip"): lambda request: HeadScorer("aesthetics", clip(request), Linear(any_vectors(1, 64)[0], 5.0)),
}


@pytest.fixture(params=MAKE, ids=["-".join(filter(None, kind)) for kind in MAKE], scope="module")
def kind(request: pytest.FixtureRequest) -> tuple[str, str]:
    name: tuple[str, str] = request.param
    return name


@pytest.fixture(scope="module")
def scorer(kind: tuple[str, str], request: pytest.FixtureRequest) -> Scorer:
    return MAKE[kind](request)


def test_it_is_an_observer_and_measures_something_at_rising_times(scorer: Scorer, kind: tuple[str, str]) -> None:
    assert (scorer.signal, scorer.keeps) == (kind[0], "samples")  # type: ignore[attr-defined]
    samples = score_one_by_one(scorer, Scene().panes([1, 2, 3]))
    assert len(samples.times) > 0
    assert (np.diff(samples.times) > 0).all()
    assert samples.values.any() == (kind[0] != "look")  # whose vectors are what it says


def test_black_and_silence_give_finite_values(scorer: Scorer) -> None:
    samples = score_one_by_one(scorer, black())
    assert len(samples.values) > 0
    assert np.isfinite(samples.values).all()


def test_panes_without_a_single_frame_have_no_samples(scorer: Scorer) -> None:
    (pane,) = Scene(fps=0.1, picture_fps=0.1, seconds=0.001).panes()
    memory = scorer.start()
    scorer.score([(memory, pane)])
    empty = Scene().panes([0.01, 0.02])[1]  # between two frames
    assert len(scorer.score([(memory, empty)])[0].values) == 0
