"""Few frames of a calm picture, all of a busy one, whatever the panes."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.best.thinning import Thinner
from stream_processor.records import Frames, Pane, Pictures

FPS = 5


def pane(number: int, lumas: Sequence[int], *, epoch: int = 0, first: int = 0) -> Pane:
    """Five grey frames a second, of these lumas; ``first`` is the number of the first of them."""
    times = (first + np.arange(len(lumas))) / FPS
    planes = np.stack([np.full((48, 64), luma, np.uint8) for luma in lumas]) if len(lumas) else np.empty((0, 48, 64), np.uint8)
    rgb = np.stack([np.full((8, 8, 3), luma, np.uint8) for luma in lumas]) if len(lumas) else np.empty((0, 8, 8, 3), np.uint8)
    return Pane(epoch, number, float(number), 1.0, Frames(times, planes), Pictures(times, rgb), None)


def kept(thinner: Thinner, panes: Sequence[Pane]) -> list[float]:
    found = []
    for one in map(thinner.thin, panes):
        assert one.frames is not None
        assert one.pictures is not None
        assert one.frames.times.tolist() == one.pictures.times.tolist()
        assert one.frames.planes[:, 0, 0].tolist() == one.pictures.rgb[:, 0, 0, 0].tolist()  # they are of the same moments
        found += one.frames.times.tolist()
    return found


def test_a_calm_picture_is_sampled_at_the_calm_rate() -> None:
    """
    ::

        decoded  0  .2  .4  .6  .8 │ 1.0 1.2 1.4 1.6 1.8
        kept     *       *       * │  *       *       *       3 a second of 5
    """
    assert kept(Thinner(3.0, 0.03), [pane(0, [90] * 5), pane(1, [90] * 5, first=5)]) == [0, 0.4, 0.8, 1.0, 1.4, 1.8]


def test_every_frame_is_kept_where_much_moves() -> None:
    assert kept(Thinner(3.0, 0.03), [pane(0, [90, 90, 120, 150, 180])]) == [0, 0.4, 0.6, 0.8]
    assert kept(Thinner(3.0, 0.0), [pane(0, [90] * 5)]) == [0, 0.2, 0.4, 0.6, 0.8]


def test_a_pane_that_is_kept_as_a_whole_is_not_copied() -> None:
    whole = pane(0, [0, 50, 100, 150, 200])
    assert Thinner(3.0, 0.03).thin(whole) is whole


def test_what_is_kept_of_a_pane_lies_in_memory_of_its_own() -> None:
    """Decoding soon writes the next frames into the pane's."""
    whole = pane(0, [90] * 5)
    thinned = Thinner(3.0, 0.03).thin(whole)
    assert thinned.frames is not None
    assert whole.frames is not None
    assert not np.shares_memory(thinned.frames.planes, whole.frames.planes)


def test_a_new_epoch_begins_anew() -> None:
    thinner = Thinner(3.0, 0.03)
    kept(thinner, [pane(0, [0] * 5)])
    assert kept(thinner, [pane(0, [200] * 5, epoch=1)]) == [0, 0.4, 0.8]  # no change from what came before it


def test_a_pane_without_a_picture_passes() -> None:
    silent = Pane(0, 0, 0.0, 1.0, None, None, None)
    assert Thinner(3.0, 0.03).thin(silent) is silent


@given(st.lists(st.integers(0, 255), min_size=1, max_size=30), st.lists(st.integers(1, 7), min_size=1, max_size=30))
def test_what_is_kept_does_not_depend_on_the_panes(lumas: list[int], cuts: list[int]) -> None:
    panes, first = [], 0
    for number, size in enumerate([*cuts, len(lumas)]):
        panes.append(pane(number, lumas[first : first + size], first=first))
        first += size
    one, other = Thinner(3.0, 0.03), Thinner(3.0, 0.03)
    assert kept(one, [pane(0, lumas)]) == kept(other, panes)
    assert (one.seen, one.kept) == (other.seen, other.kept)
