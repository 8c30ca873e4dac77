"""Coming close to an example, by the light descriptor and by CLIP."""

import numpy as np
import pytest

from scorers.heads import HeadScorer
from scorers.likeness import likeness_head
from scorers.shared_embedding import ByClip, ByLight, Describer
from scorers.smaller import Smaller
from tests.scorers.conftest import TinyClip
from tests.scorers.scenes import Scene


@pytest.fixture(params=["light", "clip"])
def describer(request: pytest.FixtureRequest) -> Describer:
    if request.param == "light":
        return ByLight(Smaller(20))
    tiny: TinyClip = request.getfixturevalue("tiny_clip")
    return ByClip(tiny.embedder)


def likeness(describer: Describer, example: Scene, seen: Scene) -> np.ndarray:
    head = likeness_head(describer, example.panes([1]))
    values: np.ndarray = HeadScorer("likeness", describer, head).score([(None, seen.panes()[0])])[0].values
    return values


def test_an_example_is_most_like_itself(describer: Describer) -> None:
    example = Scene(seed=1)
    np.testing.assert_allclose(likeness(describer, example, example), 1, atol=1e-5)


def test_the_same_scene_at_another_moment_is_nearer_than_another_scene(describer: Describer) -> None:
    example = Scene(seed=1, seconds=1)
    later, other = Scene(seed=1, seconds=2, speed=0.11), Scene(seed=2, seconds=2)
    assert likeness(describer, example, later).mean() > likeness(describer, example, other).mean() + 0.001
