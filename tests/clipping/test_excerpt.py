"""Which packets a clip needs, on made-up orders of decoding and showing; letters and numbers as in the module's drawing."""

from fractions import Fraction
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from stream_processor.clipping.excerpt import average_fps, shorten, until
from stream_processor.clipping.spool import SpooledPacket

ONE_SECOND = Fraction(1)


def picture(shown_at: int) -> SpooledPacket:
    return SpooledPacket("video", SimpleNamespace(pts=shown_at, duration=1, time_base=ONE_SECOND))


def sound(heard_at: int) -> SpooledPacket:
    return SpooledPacket("audio", SimpleNamespace(pts=heard_at, duration=1, time_base=ONE_SECOND))


def pictures(*shown_at: int) -> list[SpooledPacket]:
    return [picture(at) for at in shown_at]


def times(packets: list[SpooledPacket], kind: str = "video") -> list[int]:
    return [item.packet.pts for item in packets if item.kind == kind]


GOP = (0, 4, 2, 1, 3, 8, 6, 5, 7, 12, 10, 9, 11)


def test_it_ends_between_two_groups_where_the_end_lies_between_them() -> None:
    assert times(until(pictures(*GOP), 5.0)) == [0, 4, 2, 1, 3]


def test_a_frame_inside_takes_along_the_group_that_it_refers_to() -> None:
    assert times(until(pictures(*GOP), 6.0)) == [0, 4, 2, 1, 3, 8, 6, 5, 7]


def test_without_b_frames_it_ends_at_the_end() -> None:
    assert times(until(pictures(*range(10)), 6.0)) == [0, 1, 2, 3, 4, 5]


def test_the_sound_goes_on_to_the_last_picture() -> None:
    packets = [*pictures(*GOP), *(sound(at) for at in range(13))]
    assert times(until(packets, 6.0), "audio") == list(range(8))


def test_where_the_picture_stops_early_the_sound_goes_on_to_the_end() -> None:
    packets = [*pictures(0, 1, 2), *(sound(at) for at in range(13))]
    kept = until(packets, 6.0)
    assert times(kept) == [0, 1, 2]
    assert times(kept, "audio") == [0, 1, 2, 3, 4, 5]


def test_sound_alone_ends_at_the_end() -> None:
    assert times(until([sound(at) for at in range(13)], 6.0), "audio") == [0, 1, 2, 3, 4, 5]


def test_packets_without_a_time_are_left_out() -> None:
    nowhere = SpooledPacket("video", SimpleNamespace(pts=None, duration=0, time_base=ONE_SECOND))
    assert times(until([*pictures(0, 1), nowhere], 5.0)) == [0, 1]


@st.composite
def orders(draw: st.DrawFn) -> list[int]:
    """Decoding orders as encoders make them: groups of up to 8 frames, in each the last one first, the rest anyhow."""
    order = [0]
    for size in draw(st.lists(st.integers(1, 8), min_size=1, max_size=6)):
        first = len(order)
        inner = draw(st.permutations(range(first, first + size - 1)))
        order += [first + size - 1, *inner]
    return order


@given(orders(), st.integers(1, 40))
def test_it_is_the_shortest_beginning_that_shows_all_inside_and_breaks_no_group(order: list[int], end: int) -> None:
    kept = times(until(pictures(*order), float(end)))
    inside = {at for at in order if at < end}

    def is_whole(length: int) -> bool:
        return length == len(order) or max(order[:length]) < min(order[length:])

    enough = [length for length in range(1, len(order) + 1) if is_whole(length) and inside <= set(order[:length])]
    assert kept == order[: min(enough)]


def test_a_frame_before_a_hole_lasts_no_longer_than_the_clip() -> None:
    before, standing = pictures(0, 1)
    standing.packet.duration = 60
    shorten([before, standing], 6.0)
    assert (before.packet.duration, standing.packet.duration) == (1, 5)


def test_the_frame_rate_is_what_the_timestamps_say() -> None:
    assert average_fps(pictures(0, 1, 2, 3)) == 1
    assert average_fps(pictures(0, 4, 2)) == Fraction(1, 2)


def test_one_frame_or_none_has_no_rate() -> None:
    assert average_fps(pictures(3)) is None
    assert average_fps([sound(1), sound(2)]) is None
