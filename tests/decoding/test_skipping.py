"""Made-up streams whose references are known, a decoder that only keeps books, and the law that nothing sampled is missed."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.decoding.nal import UNKNOWN, Reach
from stream_processor.decoding.skipping import DOUBT_SECONDS, Firsts, Skipping
from stream_processor.frames import Grid
from stream_processor.records import Packet

FPS = 30
TIME_BASE = Fraction(1, FPS)
MOST_DELAY = 8


@dataclass
class Picture:
    """``pts`` in frames; ``needs``: indices, in decoding order, of what it refers to."""

    pts: int
    needs: tuple[int, ...]
    is_alone: bool
    is_fresh: bool


def packet(index: int, pts: int) -> Packet:
    return Packet("video", index.to_bytes(4, "big"), pts, index - MOST_DELAY, 1, TIME_BASE, False, 0, 0.0)


def reach_in(pictures: Sequence[Picture]) -> Any:
    def reach_of(data: bytes) -> Reach:
        picture = pictures[int.from_bytes(data, "big")]
        return Reach(picture.is_alone, picture.is_fresh)

    return reach_of


def skip(
    pictures: Sequence[Picture], rates: Sequence[float], *, delay: int = 0, knows: bool = True
) -> tuple[list[int], Skipping]:
    """What is decoded, as indices; the decoder gives each frame out ``delay`` packets later, in the order of showing."""
    skipping = Skipping(rates, reach_in(pictures) if knows else None)
    due: list[int] = []
    for index, picture in enumerate(pictures):
        for each in skipping.push(packet(index, picture.pts)):
            due.append(int.from_bytes(each.data, "big"))
            if len(due) > delay:
                skipping.came(pictures[due[-1 - delay]].pts)
    skipping.finish()
    return due, skipping


def sampled(pictures: Sequence[Picture], rate: float) -> list[int]:
    """The indices of what a grid takes when everything is decoded."""
    grid = Grid(rate)
    shown = sorted(range(len(pictures)), key=lambda index: pictures[index].pts)
    return [index for index in shown if grid.takes(Fraction(pictures[index].pts, FPS))]


@st.composite
def streams(draw: st.DrawFn) -> list[Picture]:
    """Mini-GOPs of up to eight B pictures, in any order, with any references that were decoded before, and IDR pictures."""
    pictures = [Picture(0, (), False, True)]
    fresh, shown = 0, 0
    while len(pictures) < 110:
        count = draw(st.integers(0, 7))
        is_fresh = draw(st.integers(0, 9)) == 0
        anchor = len(pictures)
        usable = [index for index in range(fresh, anchor) if not pictures[index].is_alone]
        after = shown + count + 1
        if is_fresh:  # closed: all that is shown before it was decoded before it
            count, after, fresh = 0, shown + 1, anchor
        needs = () if is_fresh else tuple(draw(st.lists(st.sampled_from(usable), min_size=1, max_size=3)))
        pictures.append(Picture(after, needs, False, is_fresh))
        for pts in draw(st.permutations(range(shown + 1, shown + 1 + count))):
            usable = [index for index in range(fresh, len(pictures)) if not pictures[index].is_alone]
            needs = tuple(draw(st.lists(st.sampled_from(usable), max_size=3)))
            pictures.append(Picture(pts, needs, draw(st.booleans()), False))
        shown = after
    return pictures


@settings(max_examples=30)
@given(streams(), st.sampled_from([(5.0,), (5.0, 1.0), (1.0,), (12.5,), (60.0,), (3.0, 7.0)]), st.integers(0, 6))
def test_whatever_a_sampled_frame_depends_on_is_decoded_before_it_in_order(
    pictures: list[Picture], rates: tuple[float, ...], delay: int
) -> None:
    due, skipping = skip(pictures, rates, delay=delay)
    assert due == sorted(due)
    assert len(due) + skipping.skipped == len(pictures)
    wanted = {index for rate in rates for index in sampled(pictures, rate)}
    needed = set(wanted)
    for index in reversed(range(len(pictures))):
        if index in needed:
            needed |= set(pictures[index].needs)
    assert needed <= set(due)


@settings(max_examples=15)
@given(streams(), st.sampled_from([1.0, 5.0, 7.5, 29.97]))
def test_its_cells_are_those_of_the_grid(pictures: list[Picture], rate: float) -> None:
    firsts = Firsts(rate)
    first = {index for index, each in enumerate(pictures) if firsts.may_be_first(each.pts, TIME_BASE)}
    assert set(sampled(pictures, rate)) <= first


@settings(max_examples=5)
@given(streams())
def test_where_nothing_can_be_told_everything_is_decoded_at_once(pictures: list[Picture]) -> None:
    due, skipping = skip(pictures, [5.0], knows=False)
    assert due == list(range(len(pictures)))
    assert skipping.skipped == 0


# ---- what is saved ---------------------------------------------------------------------------------------------------


def plain(frames: int, *, gop: int, alone: bool = False) -> list[Picture]:
    """I, then P after P; ``alone``: each second one is referred to by none."""
    step = 2 if alone else 1
    return [
        Picture(n, () if n % gop == 0 else ((n - 1) // step * step,), alone and n % 2 == 1, n % gop == 0) for n in range(frames)
    ]


def test_all_intra_streams_are_decoded_only_where_they_are_sampled() -> None:
    pictures = plain(300, gop=1)
    due, _ = skip(pictures, [5.0])
    settled = [index for index in due if index > FPS * DOUBT_SECONDS + MOST_DELAY]
    assert settled == [index for index in sampled(pictures, 5.0) if index > FPS * DOUBT_SECONDS + MOST_DELAY]


def test_what_follows_the_last_sample_before_a_keyframe_is_not_decoded() -> None:
    """
    samples   *     *     *     *     *       every 6 frames
    keyframes I                       I       every 24
    decoded   ...................     ....
    """
    due, _ = skip(plain(192, gop=24), [5.0])
    assert {index % 24 for index in set(range(96, 192)) - set(due)} == {19, 20, 21, 22, 23}


def test_pictures_that_none_refers_to_are_decoded_only_if_they_are_sampled() -> None:
    due, _ = skip(plain(300, gop=300, alone=True), [2.0])
    assert [index for index in due if index % 2 and index > FPS * DOUBT_SECONDS + MOST_DELAY] == list(range(75, 300, 30))


def test_nothing_is_kept_back_while_a_sampled_frame_is_inside_the_decoder() -> None:
    pictures = plain(120, gop=120)
    skipping = Skipping([5.0], reach_in(pictures))
    given_at: dict[int, int] = {}
    for index, picture in enumerate(pictures):
        for each in skipping.push(packet(index, picture.pts)):
            given_at[each.pts] = index
    assert all(given_at[pts] == pts for pts in range(120)), "no frame ever came out"


def test_the_panes_hear_that_time_goes_on_up_to_the_oldest_frame_that_is_awaited() -> None:
    pictures = plain(100, gop=100)
    skipping = Skipping([5.0], reach_in(pictures))
    for index in range(90):
        skipping.push(packet(index, index))
    assert skipping.until(82) == 0
    skipping.came(77)
    assert skipping.until(82) == 78, "sampled at 78"
    skipping.came(84)
    assert skipping.until(82) == 82, "what may still come comes later than its own decoding"


# ---- what goes wrong -------------------------------------------------------------------------------------------------


def decoded_between(skipping: Skipping, first: int, last: int) -> set[int]:
    """Each frame comes out at once."""
    decoded: set[int] = set()
    for index in range(first, last):
        for each in skipping.push(packet(index, index)):
            decoded.add(each.pts)
            skipping.came(each.pts)
    return decoded


@pytest.mark.parametrize("trouble", ["doubt", "lost"])
def test_after_trouble_everything_is_decoded_for_a_while(trouble: str) -> None:
    pictures = plain(600, gop=1)
    skipping = Skipping([5.0], reach_in(pictures))
    decoded_between(skipping, 0, 204)
    skipping.push(packet(204, 204))
    if trouble == "doubt":
        skipping.came(204)
        skipping.doubt()
    else:
        skipping.came(205)  # 204 was sampled, and never came
    until = 205 + int(FPS * DOUBT_SECONDS) - 1
    assert decoded_between(skipping, 205, until) == set(range(205, until))
    assert decoded_between(skipping, until, 600) == set(range(264, 600, 6))


def test_what_was_stopped_stays_stopped() -> None:
    skipping = Skipping([5.0], reach_in(plain(600, gop=1)))
    skipping.stop()
    skipping.doubt()
    assert decoded_between(skipping, 0, 600) == set(range(600))


def test_timestamps_that_stand_still_do_not_fill_the_memory() -> None:
    skipping = Skipping([5.0], lambda _data: UNKNOWN)
    held = 0
    for index in range(200, 3000):
        held += 1 - len(skipping.push(packet(index, 10_000)))
        skipping.came(10_000)
        assert held <= 256
