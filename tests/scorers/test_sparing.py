"""With less memory: fewer things at once, then fewer pictures."""

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scorers.sparing import FewerPictures, halve
from stream_processor.records import Pane, Pictures, Samples


class Looks:
    """Its samples are the times of the pictures it was shown."""

    signal = "novelty"
    picture_size = 224

    def __init__(self, picture_fps: float = 5.0) -> None:
        self.picture_fps = picture_fps

    def start(self) -> list[float]:
        return []

    def score(self, batch: Sequence[tuple[list[float], Pane]]) -> list[Samples]:
        shown = [pane.pictures.times if pane.pictures is not None else np.empty(0) for _, pane in batch]
        for (seen, pane), times in zip(batch, shown, strict=True):
            seen.extend(times.tolist())
            assert pane.pictures is None or pane.pictures.rgb[:, 0, 0, 0].tolist() == (times * 5).round().tolist()
        return [Samples(times, times) for times in shown]


def pane(number: int, indices: Sequence[int]) -> Pane:
    """With the pictures of these numbers, at five a second; each holds its number."""
    rgb = np.zeros((len(indices), 2, 2, 3), np.uint8)
    rgb[:] = np.array(indices, np.uint8)[:, None, None, None]
    return Pane(0, number, float(number), 1.0, None, Pictures(np.array(indices) / 5, rgb), None)


def test_a_number_is_halved_down_to_one() -> None:
    holder = SimpleNamespace(max_batch=12)
    said = [halve(holder, "max_batch", "pictures") for _ in range(4)]
    assert said == ["at most 6 pictures at once", "at most 3 pictures at once", "at most 1 pictures at once", None]
    assert holder.max_batch == 1


def test_pictures_are_halved_as_long_as_some_are_a_second_apart() -> None:
    scorer = FewerPictures(Looks(5.0))
    assert [scorer.take_fewer() for _ in range(3)] == ["2.5 pictures a second", "1.25 pictures a second", None]
    assert FewerPictures(Looks(1.0)).take_fewer() is None
    assert (scorer.picture_size, scorer.picture_fps) == (224, 5.0), "what is sampled stays, for other signals too"


def test_until_it_must_save_it_shows_every_picture() -> None:
    scorer = FewerPictures(Looks())
    (samples,) = scorer.score([(scorer.start(), pane(0, range(5)))])
    assert samples.values.tolist() == [0.0, 0.2, 0.4, 0.6, 0.8]


def test_a_pane_without_pictures_stays_without() -> None:
    scorer = FewerPictures(Looks())
    scorer.take_fewer()
    (samples,) = scorer.score([(scorer.start(), Pane(0, 0, 0.0, 1.0, None, None, None))])
    assert len(samples.values) == 0


@given(cuts=st.lists(st.integers(0, 7), min_size=1, max_size=12), halvings=st.integers(0, 2))
def test_what_is_shown_does_not_depend_on_how_pictures_were_cut_into_panes(cuts: list[int], halvings: int) -> None:
    #  pictures   0 1 2 3 4 5 6 7 8      every second: 0 2 4 6 8, wherever a pane ends
    scorer = FewerPictures(Looks())
    for _ in range(halvings):
        scorer.take_fewer()
    memory, shown, next_ = scorer.start(), list[float](), 0
    for number, count in enumerate(cuts):
        (samples,) = scorer.score([(memory, pane(number, range(next_, next_ + count)))])
        shown += samples.values.tolist()
        next_ += count
    assert shown == [index / 5 for index in range(0, next_, 2**halvings)]


def test_of_pictures_on_a_device_views_are_taken() -> None:
    import torch

    scorer = FewerPictures(Looks())
    scorer.take_fewer()
    rgb = torch.arange(5, dtype=torch.uint8).view(5, 1, 1, 1).expand(5, 2, 2, 3)
    on_device = Pane(0, 0, 0.0, 1.0, None, Pictures(np.arange(5) / 5, rgb), None)
    (samples,) = scorer.score([(scorer.start(), on_device)])
    assert samples.values.tolist() == [0.0, 0.4, 0.8]
