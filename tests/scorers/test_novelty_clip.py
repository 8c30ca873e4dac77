"""CLIP novelty: how it batches. What holds for every scorer is in test_contract.py."""

from dataclasses import replace

import numpy as np
import pytest

from scorers.embedding import Embedder, Embeddings
from scorers.novelty_clip import ClipNovelty
from stream_processor.records import Pane, Pictures
from tests.scorers.conftest import TinyClip
from tests.scorers.scenes import Scene


class Counting(Embedder):
    """The real embedder, which also notes how many pictures each call had."""

    def __init__(self, embedder: Embedder) -> None:
        self.__dict__.update(embedder.__dict__)
        self.calls: list[list[int]] = []

    def embed(self, pictures: list[np.ndarray]) -> list[Embeddings]:  # type: ignore[override]
        self.calls.append([len(group) for group in pictures])
        return super().embed(pictures)


def test_all_panes_of_a_batch_are_embedded_in_one_call(tiny_clip: TinyClip) -> None:
    embedder = Counting(tiny_clip.embedder)
    scorer = ClipNovelty(embedder, picture_fps=2.0)
    first, second = Scene(seed=1).panes([1, 2, 3]), Scene(seed=2).panes([2])
    a, b = scorer.start(), scorer.start()
    empty = replace(first[2], pictures=Pictures(np.empty(0), np.empty((0, 32, 64, 3), np.uint8)))
    scored = scorer.score([(a, first[0]), (b, second[0]), (a, first[1]), (a, empty)])
    assert embedder.calls == [[2, 4, 2]]
    assert [samples.times.tolist() for samples in scored] == [[], [1.0, 1.5], [1.0, 1.5], []]


def test_a_batch_without_pictures_is_not_embedded(tiny_clip: TinyClip) -> None:
    embedder = Counting(tiny_clip.embedder)
    scorer = ClipNovelty(embedder, picture_fps=2.0)
    scorer.score([(scorer.start(), Pane(0, 0, 0.0, 1.0, None, None, None))])
    assert embedder.calls == []


def test_another_picture_is_newer_than_the_same_one(tiny_clip: TinyClip) -> None:
    #  seconds   0  1  2  3
    #  picture   A  A  B  B
    rgb = np.stack([Scene(seed=seed).pictures().rgb[0] for seed in (1, 1, 2, 2)])
    scorer = ClipNovelty(tiny_clip.embedder, picture_fps=1.0)
    pane = Pane(0, 0, 0.0, 4.0, None, Pictures(np.arange(4.0), rgb), None)
    (samples,) = scorer.score([(scorer.start(), pane)])
    assert samples.times.tolist() == [1, 2, 3]
    same, other, same_again = samples.values
    assert (same, same_again) == pytest.approx((0, 0), abs=1e-5)
    assert other > 0.01


def test_it_says_which_pictures_it_wants(tiny_clip: TinyClip) -> None:
    scorer = ClipNovelty(tiny_clip.embedder, picture_fps=1.0)
    assert (scorer.picture_size, scorer.picture_fps) == (32, 1.0)
