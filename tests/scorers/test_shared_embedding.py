"""Each pane is described once, however many scorers are heads on the description."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from scorers.heads import HeadScorer, Linear
from scorers.look import Look
from scorers.novelty_light import describe
from scorers.shared_embedding import ByClip, ByLight, Described, Shared
from scorers.smaller import Smaller, smaller
from stream_processor.records import Pane
from tests.scorers.conftest import TinyClip
from tests.scorers.scenes import Scene


class Counting:
    """An embedder that counts its pictures."""

    def __init__(self, embedder: Any) -> None:
        self.embedder, self.pictures, self.max_batch = embedder, 0, 32

    def embed(self, pictures: Sequence[Any]) -> list[np.ndarray]:
        self.pictures += sum(map(len, pictures))
        embedded: list[np.ndarray] = self.embedder.embed(pictures)
        return embedded


def test_look_aesthetics_and_prompt_run_the_tower_once_per_picture(tiny_clip: TinyClip) -> None:
    tower = Counting(tiny_clip.embedder)
    seen = Shared(ByClip(tower))
    scorers = [Look(seen), HeadScorer("aesthetics", seen, Linear(np.ones(64))), HeadScorer("prompt", seen, Linear(np.ones(64)))]
    panes = Scene().panes([1, 2, 3])
    for pane in panes:
        for scorer in scorers:
            scorer.score([(None, pane)])
    assert tower.pictures == 8  # four seconds, two a second


def test_embeddings_are_the_embedder_s_own_whoever_asks_first(tiny_clip: TinyClip) -> None:
    panes = Scene().panes([1, 2, 3])
    pictures = [pane.pictures.rgb for pane in panes if pane.pictures is not None]
    expected = tiny_clip.embedder.embed(pictures)
    seen = Shared(ByClip(tiny_clip.embedder))
    assert_described(seen.describe(panes), expected)
    assert_described(seen.describe(list(reversed(panes))), list(reversed(expected)))
    assert_described(seen.describe(panes[:2]), expected[:2])


def test_a_pane_with_the_same_number_is_another_one(tiny_clip: TinyClip) -> None:
    seen = Shared(ByClip(tiny_clip.embedder))
    one, other = (Scene(seed=seed).panes()[0] for seed in (1, 2))
    first, second = seen.describe([one])[0], seen.describe([other])[0]
    assert first is not None
    assert second is not None
    assert not np.allclose(first[1], second[1])


def test_looks_carry_the_vectors_of_unit_length(tiny_clip: TinyClip) -> None:
    pane = Scene().panes()[0]
    for seen in (Shared(ByClip(tiny_clip.embedder)), Shared(ByLight(Smaller(20)))):
        (samples,) = Look(seen).score([(None, pane)])
        assert samples.vectors is not None
        assert samples.vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(samples.vectors, axis=1), 1, atol=1e-5)


def test_the_light_look_is_the_descriptor_of_the_smaller_frames() -> None:
    pane = Scene(height=72).panes()[0]
    assert pane.frames is not None
    (seen,) = ByLight(Smaller(36)).describe([pane])
    assert seen is not None
    np.testing.assert_allclose(seen[1], describe(smaller(pane.frames, 36)), atol=1e-6)


class Crowded:
    """A device with room for so many pictures at once."""

    def __init__(self, embedder: Any, room: int, error: str = "CUDA out of memory") -> None:
        self.embedder, self.room, self.error, self.max_batch = embedder, room, error, 32

    def embed(self, pictures: Sequence[Any]) -> list[np.ndarray]:
        if self.max_batch > self.room:
            raise RuntimeError(self.error)
        embedded: list[np.ndarray] = self.embedder.embed(pictures)
        return embedded


def test_a_batch_without_room_is_tried_in_smaller_ones(tiny_clip: TinyClip) -> None:
    panes = Scene().panes([2])
    crowded = Crowded(tiny_clip.embedder, room=5)
    assert_described(ByClip(crowded).describe(panes), tiny_clip.embedder.embed([pane.pictures.rgb for pane in panes]))  # type: ignore[union-attr]
    assert crowded.max_batch == 4


@pytest.mark.parametrize(("room", "error"), [(0, "CUDA out of memory"), (5, "a bug")])
def test_what_smaller_batches_cannot_help_is_raised(tiny_clip: TinyClip, room: int, error: str) -> None:
    with pytest.raises(RuntimeError, match=error):
        ByClip(Crowded(tiny_clip.embedder, room, error)).describe(Scene().panes())


def test_panes_without_pictures_are_passed_over(tiny_clip: TinyClip) -> None:
    nothing = Pane(0, 0, 0.0, 1.0, frames=None, pictures=None, sound=None)
    some = Scene().panes()[0]
    for describer in (ByClip(tiny_clip.embedder), ByLight(Smaller())):
        described = describer.describe([nothing, some, nothing])
        assert [one is None for one in described] == [True, False, True]


def assert_described(got: Sequence[Described | None], expected: Sequence[np.ndarray]) -> None:
    for one, vectors in zip(got, expected, strict=True):
        assert one is not None
        np.testing.assert_allclose(one[1], vectors, atol=1e-5)
