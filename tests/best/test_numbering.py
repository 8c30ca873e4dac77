"""Frames have the numbers that a player shows them under: in the order of presentation, from 0, through all epochs."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from stream_processor.best.numbering import FrameNumbers
from stream_processor.records import Kind, Packet


def put(numbers: FrameNumbers, *pts: int, epoch: int = 0, kind: Kind = "video") -> None:
    for one in pts:
        numbers.append(Packet(kind, b"", one, min(pts), 1, Fraction(1, 10), False, epoch, 0.0), 0.0)


def test_frames_are_counted_in_the_order_in_which_they_are_shown() -> None:
    """
    ::

        as they come   I0 P4 B2 b1 b3 P8 B6 b5 b7
        as shown        0  1  2  3  4  5  6  7  8
    """
    numbers = FrameNumbers()
    put(numbers, 0, 4, 2, 1, 3, 8, 6, 5, 7)
    assert numbers.numbers(0, [0.0, 0.2, 0.7]).tolist() == [0, 2, 7]


def test_a_variable_rate_counts_frames_and_not_time() -> None:
    numbers = FrameNumbers()
    put(numbers, 0, 1, 50, 51, 300)
    assert numbers.numbers(0, [5.0, 30.0]).tolist() == [2, 4]


def test_the_next_epoch_goes_on_counting() -> None:
    numbers = FrameNumbers()
    put(numbers, 0, 1, 2)
    assert numbers.numbers(0, [0.1]).tolist() == [1]
    put(numbers, 0, 1, epoch=1)
    assert numbers.numbers(1, [0.0, 0.1]).tolist() == [3, 4]


def test_sound_does_not_count() -> None:
    numbers = FrameNumbers()
    put(numbers, 0, 1, 2, kind="audio")
    put(numbers, 0, 1)
    assert numbers.numbers(0, [0.1]).tolist() == [1]
    assert numbers.span(0) == (0.0, 0.2)


@given(st.sets(st.integers(0, 500), min_size=1), st.data())
def test_a_number_is_how_many_frames_are_shown_before(shown: set[int], data: st.DataObject) -> None:
    order = data.draw(st.permutations(sorted(shown)))
    asked = sorted(data.draw(st.sets(st.sampled_from(order))))
    numbers = FrameNumbers()
    put(numbers, *order)
    found = numbers.numbers(0, [pts / 10 for pts in asked]).tolist()
    assert found == [sum(other < pts for other in shown) for pts in asked]


def test_only_what_lies_ahead_is_remembered() -> None:
    numbers = FrameNumbers()
    for second in range(1000):
        put(numbers, *range(second * 10, second * 10 + 10))
        numbers.numbers(0, [float(second)])
        assert numbers.waiting <= 10


def test_frames_that_an_edit_list_hides_have_no_number() -> None:
    """
    ::

        decoded   I0 p1 p2 │ p3 p4        the edit list begins here: what is before is only referred to
        number    -  -  -  │  0  1
    """
    numbers = FrameNumbers()
    for pts in range(5):
        numbers.append(Packet("video", b"", pts, pts, 1, Fraction(1, 10), pts == 0, 0, 0.0, is_hidden=pts < 3), 0.0)
    assert numbers.numbers(0, [0.0, 0.2, 0.3, 0.4]).tolist() == [-1, -1, 0, 1]
    assert numbers.span(0) == (0.3, 0.5)
