"""Which packets a clip needs, on made-up orders of decoding and showing; letters and numbers as in the module's drawing."""

from fractions import Fraction
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from stream_processor.clipping.excerpt import average_fps, shorten, since, until
from stream_processor.clipping.spool import SpooledPacket

ONE_SECOND = Fraction(1)


def picture(shown_at: int, *, is_key: bool = False) -> SpooledPacket:
    return SpooledPacket("video", SimpleNamespace(pts=shown_at, duration=1, time_base=ONE_SECOND, is_keyframe=is_key))


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


def test_a_frame_at_the_very_end_is_left_out_however_its_time_was_rounded() -> None:
    assert times(until(pictures(*range(10)), 6.0000000001)) == [0, 1, 2, 3, 4, 5]


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


# ---- where it begins -------------------------------------------------------------------------------------------------


def drawn(line: str) -> list[SpooledPacket]:
    """In decoding order: ``K4`` a keyframe shown at 4, ``p5`` another picture, ``a4`` sound."""
    made = {"K": lambda at: picture(at, is_key=True), "p": picture, "a": sound}
    return [made[word[0]](int(word[1:])) for word in line.split()]


SPOOL = "K0 a0 p1 a1 p2 a2 K4 a3 p3 a4 p5 a5 K8 a6 p6 a7 p7 a8 p9 a9"
"""Two open GOPs: p3 is decoded after K4 and shown before it."""


def test_it_begins_at_the_last_keyframe_before_the_start_wherever_the_spool_does() -> None:
    taken, first = since(drawn(SPOOL), 5.0)
    assert first == 4
    assert times(taken) == [4, 5, 8, 6, 7, 9]
    assert times(taken, "audio") == [4, 5, 6, 7, 8, 9]


def test_pictures_that_refer_to_before_its_keyframe_are_left_out_and_so_is_the_sound_from_before_it() -> None:
    taken, first = since(drawn(SPOOL), 8.0)
    assert (first, times(taken), times(taken, "audio")) == (8, [8, 9], [8, 9])


def test_sound_that_lies_before_its_keyframe_in_the_stream_is_taken_along() -> None:
    taken, _ = since(drawn("K0 a0 a4 a5 K4 p5"), 4.0)
    assert times(taken, "audio") == [4, 5]


def test_a_keyframe_that_a_container_has_rounded_to_just_behind_the_start_is_the_one_at_the_start() -> None:
    assert since(drawn(SPOOL), 4.0 - 0.0009)[1] == 4
    assert since(drawn(SPOOL), 4.0 - 0.0011)[1] == 0


def test_where_the_spool_has_no_keyframe_so_early_it_begins_with_the_first() -> None:
    packets = drawn("K4 a4 p5 a5 K8 a8")
    assert since(packets, 1.0) == (packets, 0)


def test_sound_alone_begins_with_the_first_that_is_heard_after_the_start() -> None:
    taken, first = since(drawn("a0 a1 a2 a3"), 1.5)
    assert (first, times(taken, "audio")) == (1, [1, 2, 3])


@given(st.lists(st.sampled_from("Kpa"), min_size=1, max_size=40), st.floats(-5, 50))
def test_whatever_is_wanted_the_excerpt_begins_with_a_keyframe_and_nothing_comes_before_it(
    kinds: list[str], start: float
) -> None:
    packets = drawn(" ".join(f"{kind}{at}" for at, kind in enumerate(["K", *kinds])))
    taken, first = since(packets, start)
    shown = [item for item in taken if item.kind == "video"]
    assert shown[0].packet.is_keyframe
    assert shown[0].packet.pts == first
    assert all(item.packet.pts >= first for item in taken)
    later = [item.packet.pts for item in packets if item.kind == "video" and item.packet.is_keyframe and item.packet.pts > first]
    assert not any(at <= start for at in later), "no later keyframe would have done"
