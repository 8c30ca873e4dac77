"""Timestamps that no encoder would write, and what becomes of them.

Scripts are in seconds, in the order of arrival: ``V3`` a keyframe, ``v3`` another picture, ``a3`` a second of sound; ``v5/3`` has
pts 5 and dts 3, ``?`` is missing. Results are on their epoch's timeline, behind its start in stream time: ``[3] V0 a0``.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_processor.records import AudioFormat, Epoch, Kind, Media, Packet, RawPacket, VideoFormat, replace
from stream_processor.timeline import MOST_HELD, Timeline

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PICTURE = VideoFormat("h264", 1920, 1080, 30.0)
SOUND = AudioFormat("aac", 48_000, 2)
BOTH = Media("flv", PICTURE, SOUND)
ONLY_SOUND = Media("flv", None, SOUND)
FLV = Fraction(1, 1_000)
TS = Fraction(1, 90_000)
WRAPS = {FLV: 1 << 31, TS: 1 << 33}


def new_timeline(*, live: bool = False) -> Timeline:
    return Timeline(live=live, max_gap_seconds=10.0, utc_at=lambda _stream_seconds, _arrived_at: NOON)


def script(text: str, time_base: Fraction = FLV, arrived_at: float = 0.0) -> Iterator[RawPacket]:
    def ticks(seconds: str) -> int | None:
        return None if seconds == "?" else round(Fraction(seconds) / time_base)

    for number, word in enumerate(text.split()):
        pts, _, dts = word[1:].partition("/")
        yield RawPacket(
            kind="audio" if word[0] == "a" else "video",
            data=f"{number} {word}".encode(),
            pts=ticks(pts),
            dts=ticks(dts or pts),
            duration=int(1 / time_base),
            time_base=time_base,
            is_key=word[0] != "v",
            arrived_at=arrived_at,
        )


def shown(items: list[Epoch | Packet], *, dts: bool = False) -> str:
    words = []
    for item in items:
        if isinstance(item, Epoch):
            words.append(f"[{item.start_seconds:g}]")
        else:
            letter = "a" if item.kind == "audio" else "V" if item.is_key else "v"
            words.append(f"{letter}{item.seconds:.7g}" + (f"/{float(item.dts * item.time_base):.7g}" if dts else ""))
    return " ".join(words)


def one_part(packets: Iterator[RawPacket] | list[RawPacket], media: Media = BOTH) -> list[Epoch | Packet]:
    timeline = new_timeline()
    timeline.begin_part(media)
    items = [item for packet in packets for item in timeline.push(packet)]
    return [*items, *timeline.end_part()]


def repaired(text: str, media: Media = BOTH, *, dts: bool = False) -> str:
    return shown(one_part(script(text), media), dts=dts)


# ---- where an epoch begins ------------------------------------------------------------------------------------------


def test_time_is_counted_from_the_first_keyframe_and_nothing_from_before_it_is_kept() -> None:
    assert repaired("v98 a98 v99 a99 V100 a100 v101 a101") == "[0] V0 a0 v1 a1"


def test_sound_that_came_before_the_keyframe_but_belongs_after_it_is_kept() -> None:
    assert repaired("a99 a100 a101 V100 v101") == "[0] V0 a0 a1 v1"


def test_sound_may_begin_late() -> None:
    assert repaired("V0 v1 v2 v3 v4 v5 v6 v7 v8 v9 v10 v11 v12 a12 v13 a13") == (
        "[0] V0 v1 v2 v3 v4 v5 v6 v7 v8 v9 v10 v11 v12 a12 v13 a13"
    )


def test_leading_pictures_of_an_open_gop_are_left_out() -> None:
    #  decoding order  I5 B3 B4 P8 B6 B7: B3 and B4 refer to what came before the first keyframe
    assert repaired("V5/1 v3/2 v4/3 v8/4 v6/5 v7/6") == "[0] V0 v3 v1 v2"


def test_pictures_keep_their_reordering() -> None:
    assert repaired("V2/0 v5/1 v3/2 v4/3", dts=True) == "[0] V0/-2 v3/-1 v1/0 v2/1"


def test_the_source_s_own_time_and_the_date_of_the_first_frame_are_told() -> None:
    asked = []

    def utc_at(stream_seconds: float, arrived_at: float) -> datetime:
        asked.append((stream_seconds, arrived_at))
        return NOON

    timeline = Timeline(live=False, max_gap_seconds=10.0, utc_at=utc_at)
    timeline.begin_part(BOTH)
    items = [item for raw in script("V100 v101 V9000", arrived_at=7.0) for item in timeline.push(raw)]
    epochs = [item for item in items if isinstance(item, Epoch)]
    assert [epoch.source_seconds for epoch in epochs] == [100.0, 9000.0]
    assert [(epoch.number, epoch.started_at, epoch.media) for epoch in epochs] == [(0, NOON, BOTH), (1, NOON, BOTH)]
    assert asked == [(0.0, 7.0), (2.0, 7.0)]


# ---- missing, backward, crossed -------------------------------------------------------------------------------------


def test_a_missing_dts_is_counted_up_and_never_after_its_pts() -> None:
    assert repaired("V0/? v1/? v2/? v3/?", dts=True) == "[0] V0/0 v1/1 v2/2 v3/3"


def test_pictures_without_dts_keep_their_order_of_presentation() -> None:
    items = one_part([replace(raw, duration=100) for raw in script("V.1/? v.4/? v.2/? v.3/? v.7/? v.5/? v.6/?")])
    assert [round(item.seconds, 1) for item in items if isinstance(item, Packet)] == [0.0, 0.3, 0.1, 0.2, 0.6, 0.4, 0.5]


def test_a_jump_is_seen_even_where_every_dts_is_missing() -> None:
    assert repaired("V0/? v1/? V5000/? v5001/? V7/? v8/?") == "[0] V0 v1 [2] V0 v1 [4] V0 v1"


def test_a_missing_dts_never_lags_further_and_further_behind() -> None:
    slow = [f"v{second * 2}/?" for second in range(1, 30)]  # the first step was one second, all the others are two
    packets = [item for item in one_part(script(" ".join(["V0/?", "v1/?", *slow]))) if isinstance(item, Packet)]
    assert all(packet.pts - packet.dts <= 1_000 for packet in packets)


def test_a_missing_pts_is_the_dts_and_where_both_are_missing_they_are_counted_up() -> None:
    assert repaired("V?/0 v?/1 v?/? v?/? v4") == "[0] V0 v1 v2 v3 v4"


def test_sound_without_any_timestamp_is_laid_where_the_picture_is() -> None:
    assert repaired("a?/? a?/? V100 a?/? v101 a?/?") == "[0] V0 a0 v1 a1"


def test_a_pts_before_its_dts_pulls_the_dts_down() -> None:
    assert repaired("V0 v1/3 v4", dts=True) == "[0] V0/0 v1/1 v4/4"


def test_a_small_step_back_is_pushed_forward() -> None:
    assert repaired("V0 v1 v1.5 v0.9 v1.2 v2") == "[0] V0 v1 v1.5 v1.501 v1.502 v2"


def test_the_same_timestamp_again_and_again_still_rises() -> None:
    assert repaired("V0 v0 v0 v0") == "[0] V0 v0.001 v0.002 v0.003"


def test_a_timestamp_that_is_always_the_same_is_counted_up_from_by_durations() -> None:
    #  eight may be a slip; from the ninth on it tells nothing, until it goes on
    stuck = repaired("V0 v0 v0 v0 v0 v0 v0 v0 " + "v0 v0 v0 v0 v5 v6")
    assert stuck == "[0] V0 v0.001 v0.002 v0.003 v0.004 v0.005 v0.006 v0.007 v1 v2 v3 v4 v5 v6"


def test_timestamps_beyond_what_can_be_are_as_good_as_none() -> None:
    largest = (1 << 63) - 1
    packets = list(script("V0 v1 v2 v3"))
    packets[1] = replace(packets[1], pts=largest, dts=-largest)
    packets[3] = replace(packets[3], pts=None, dts=1 << 62)
    assert shown(one_part(packets)) == "[0] V0 v1 v2 v3"


def test_a_pts_ages_from_its_dts_is_wrong_or_else_the_dts_is() -> None:
    assert repaired("V0 v9000/1 v2 v3", dts=True) == "[0] V0/0 v1/1 v2/2 v3/3"
    assert repaired("V0 v1/9000 v2 v3", dts=True) == "[0] V0/0 v1/1 v2/2 v3/3"


def test_frames_that_are_seconds_apart_may_be_shown_long_after_they_are_decoded() -> None:
    packets = [replace(raw, duration=6_000) for raw in script("V12/0 v30/6 v18/12 v24/18")]
    assert shown(one_part(packets), dts=True) == "[0] V0/-12 v18/-6 v6/0 v12/6"


def test_what_slipped_is_pushed_on_by_no_less_than_containers_can_tell() -> None:
    assert [item.dts for item in one_part(script("V0 v0 v0", TS)) if isinstance(item, Packet)] == [0, 90, 180]


def test_a_duration_is_never_negative_nor_an_age() -> None:
    packets = [replace(raw, duration=duration) for raw, duration in zip(script("V0 v1"), [-5, 1 << 62], strict=True)]
    assert [item.duration for item in one_part(packets) if isinstance(item, Packet)] == [0, 60_000]


def test_a_large_step_back_begins_a_new_epoch_at_its_keyframe() -> None:
    assert repaired("V50 v51 v52 v20 V21 v22") == "[0] V0 v1 v2 [3] V0 v1"


# ---- wraps ----------------------------------------------------------------------------------------------------------


def wrapping(packets: Iterator[RawPacket], wraps_at_seconds: Fraction) -> Iterator[RawPacket]:
    """As a counter of so many bits tells them which reaches its end at this time of the script."""
    for raw in packets:
        modulus = WRAPS[raw.time_base]
        shift = modulus - round(wraps_at_seconds / raw.time_base)
        yield replace(
            raw,
            pts=None if raw.pts is None else (raw.pts + shift) % modulus,
            dts=None if raw.dts is None else (raw.dts + shift) % modulus,
        )


@pytest.mark.parametrize("time_base", [TS, FLV], ids=["33 bits at 90 kHz", "31 bits of milliseconds"])
@pytest.mark.parametrize("wraps_at", ["0.5", "1", "2", "2.5", "3", "4.5", "5"])
def test_a_wrap_is_not_noticed_wherever_it_falls(time_base: Fraction, wraps_at: str) -> None:
    # the first keyframe's dts may lie before the wrap and its pts after it, its sound before and it after, …
    text = "a1 V2/0 a2 v5/1 a3 v3/2 a4 v4/3 v?/4 a5 v6/? a6 v7"
    wrapped = wrapping(script(text, time_base), Fraction(wraps_at))
    assert shown(one_part(wrapped), dts=True) == shown(one_part(script(text, time_base)), dts=True)


@pytest.mark.parametrize("time_base", [TS, FLV])
def test_a_stream_that_wraps_twice_is_still_one_epoch(time_base: Fraction) -> None:
    turn = WRAPS[time_base] * time_base  # 26.5 hours, 24.9 days
    timeline = Timeline(live=True, max_gap_seconds=float(turn), utc_at=lambda *_: NOON)
    timeline.begin_part(BOTH)
    hops = [int(turn) * number // 4 for number in range(10)]
    packets = list(script(" ".join(f"V{hop}" for hop in hops), time_base))
    items = [item for raw in wrapping(iter(packets), turn) for item in timeline.push(raw)]
    assert sum(isinstance(item, Epoch) for item in items) == 1
    assert [item.pts for item in items if isinstance(item, Packet)] == [raw.pts for raw in packets]


@pytest.mark.parametrize("after", [0, 1 << 32], ids=["31 bits", "31 bits that FFmpeg takes for 32 and corrects"])
def test_milliseconds_of_31_or_32_bits_wrap_alike(after: int) -> None:
    first, second = script("V1 V2")
    for last in ((1 << 31) - 1, (1 << 32) - 1):
        packets = [replace(first, pts=last - 999, dts=last - 999), replace(second, pts=after, dts=after)]
        assert shown(one_part(packets)) == "[0] V0 V1"


def test_a_straggler_from_before_the_wrap_does_not_wrap_it_again() -> None:
    text = "V0 v1 v2 v1.9 v3 v4"
    wrapped = wrapping(script(text, TS), Fraction(2))
    assert shown(one_part(wrapped)) == shown(one_part(script(text, TS)))


def test_a_counter_of_another_time_base_does_not_wrap() -> None:
    odd = Fraction(1, 48_000)
    packets = [
        replace(raw, time_base=odd, pts=pts, dts=pts) for raw, pts in zip(script("V0 V0"), [(1 << 33) - 1, 0], strict=True)
    ]
    assert sum(isinstance(item, Epoch) for item in one_part(packets)) == 2


# ---- jumps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", ["9000", "20", "0"], ids=["hours forward", "back", "at zero"])
@pytest.mark.parametrize("order", ["picture first", "sound first", "sound long before", "sound long after"])
def test_both_jump_and_every_order_gives_two_epochs_in_step(there: str, order: str) -> None:
    at = int(there)
    picture = [f"V{at}", *(f"v{at + second}" for second in range(1, 9))]
    sound = [f"a{at + second}" for second in range(9)]
    lead = {"picture first": 0, "sound first": 1, "sound long before": 3, "sound long after": 0}[order]
    late = {"sound long after": ["a102", "a103"]}.get(order, [])  # the old epoch's last sound comes after the new picture
    new = [*sound[:lead]]
    for number, word in enumerate(picture):
        new += [word, *late[number : number + 1]]
        if number >= len(late):
            new += [sound[lead + number - len(late)]] if lead + number - len(late) < len(sound) else []
    result = repaired(" ".join(["V100 a100 v101 a101", *new]))
    old, _, after = result.removeprefix("[0] ").partition(" [2] ")
    assert old == "V0 a0 v1 a1"
    assert [word for word in after.split() if word[0] != "a"] == ["V0", *(f"v{second}" for second in range(1, 9))]
    heard = [word for word in after.split() if word[0] == "a"]
    assert heard == [f"a{second}" for second in range(len(heard))]
    assert len(heard) >= 7


def test_sound_goes_on_in_the_old_epoch_until_the_new_one_s_keyframe() -> None:
    #  picture  0 1 2 | 50 51  V52        the jump comes without a keyframe
    #  sound    0 1 2    3  4   | 52      and the sound follows when it likes
    assert repaired("V0 a0 v1 a1 v2 a2 v50 a3 v51 a4 V52 a52 v53 a53") == "[0] V0 a0 v1 a1 v2 a2 a3 a4 [5] V0 a0 v1 a1"


def test_sound_that_jumps_alone_is_set_back_to_where_the_picture_is() -> None:
    #  it is held until the picture has gone on for three seconds, and then laid right after the sound before it
    assert repaired("V0 a0 v1 a1 v2 a5000 v3 a5001 v4 a5002 v5 a5003 v6 a5004 v7 a5005") == (
        "[0] V0 a0 v1 a1 v2 v3 v4 v5 v6 a2 a3 a4 a5 a6 v7 a7"
    )


def test_sound_that_paused_and_comes_back_with_other_timestamps_begins_at_the_picture() -> None:
    pause = " ".join(f"v{second}" for second in range(2, 30))
    result = repaired(f"V0 a0 v1 a1 {pause} a5000 v30 a5001 v31 a5002 v32 a5003 v33 a5004")
    assert result.endswith("v28 v29 v30 v31 v32 v33 a29 a30 a31 a32 a33")


def test_one_stray_timestamp_of_the_sound_costs_that_one_packet() -> None:
    assert repaired("V0 a0 v1 a1 v2 a9999 v3 a2 v4 a3 v5 a4") == "[0] V0 a0 v1 a1 v2 v3 a2 v4 a3 v5 a4"


def test_after_one_stray_timestamp_of_the_picture_it_goes_on_at_the_next_keyframe() -> None:
    #  the sound never jumped: it is held for three seconds, in case it still will, and stays where it is
    assert repaired("V0 a0 v1 a1 v9999 v2 a2 v3 V4 a4 v5 a5 v6 a6 v7 a7 v8 a8") == (
        "[0] V0 a0 v1 a1 a2 [3] V0 v1 v2 v3 v4 a0 a1 a2 a3 a4"
    )


def test_a_picture_that_pauses_while_the_sound_goes_on_is_a_hole_and_no_jump() -> None:
    sound = " ".join(f"a{second}" for second in range(1, 61))
    result = repaired(f"V0 a0 {sound} v60 a61 v61")
    assert result.startswith("[0] V0 a0 a1 ")
    assert result.endswith(" a60 v60 a61 v61")


def test_sound_that_pauses_while_the_picture_goes_on_is_a_hole_and_no_jump() -> None:
    picture = " ".join(f"v{second}" for second in range(1, 61))
    result = repaired(f"V0 a0 {picture} a60 v61 a61")
    assert result.startswith("[0] V0 a0 v1 ")
    assert result.endswith(" v60 a60 v61 a61")


def test_a_hole_that_is_no_longer_than_the_limit_is_kept_and_a_longer_one_is_a_jump() -> None:
    assert repaired("V0 v1 V12 v13") == "[0] V0 v1 V12 v13"  # the next was due at 2
    assert repaired("V0 v1 V12.001 v13.001") == "[0] V0 v1 [2] V0 v1"


def test_sound_hours_apart_from_the_picture_is_laid_where_the_picture_was_when_it_began() -> None:
    assert repaired("V0 v1 v2 a5000 v3 a5001 v4 a5002 v5 a5003 v6 a5004") == "[0] V0 v1 v2 v3 v4 v5 v6 a2 a3 a4 a5 a6"
    assert repaired("a4998 a4999 V0 a5000 v1 a5001 v2 a5002 v3 a5003 v4 a5004") == "[0] V0 v1 v2 v3 v4 a0 a1 a2 a3 a4"


def test_what_is_still_held_at_the_end_is_given_out() -> None:
    assert repaired("V0 a0 v1 a500") == "[0] V0 a0 v1 a1"


# ---- one kind alone -------------------------------------------------------------------------------------------------


def test_sound_alone_leads() -> None:
    assert repaired("a7 a8 a9 a9000 a9001 a3", ONLY_SOUND) == "[0] a0 a1 a2 [3] a0 a1 [5] a0"


def test_sound_waits_ten_seconds_for_a_picture_and_then_begins_alone() -> None:
    assert repaired(" ".join(f"a{second}" for second in range(100, 120))) == (
        "[0] " + " ".join(f"a{second}" for second in range(20))
    )


def test_a_picture_that_joins_sound_begins_with_a_keyframe() -> None:
    sound = " ".join(f"a{second}" for second in range(100, 112))
    assert repaired(f"{sound} v111 V112 a112 v113").endswith(" a11 V12 a12 v13")


def test_a_picture_that_joins_sound_from_hours_away_begins_a_new_epoch() -> None:
    sound = " ".join(f"a{second}" for second in range(9000, 9012))
    assert repaired(f"{sound} v1 V2 a9012 v3 a9013 v4 a9014 v5 a9015 v6 a9016").endswith(
        " a11 [12] V0 v1 v2 v3 v4 a0 a1 a2 a3 a4"
    )


def test_a_part_without_any_keyframe_still_gives_its_sound() -> None:
    assert repaired("v0 a0 v1 a1 v2 a2") == "[0] a0 a1 a2"
    assert repaired("v0 v1 v2") == ""


def test_little_is_held_whatever_the_timestamps_say() -> None:
    timeline = new_timeline()
    timeline.begin_part(BOTH)
    for raw in script("a7 " * 3 * MOST_HELD):
        list(timeline.push(raw))
        assert len(timeline._held) <= MOST_HELD


# ---- parts ----------------------------------------------------------------------------------------------------------


def parts(*texts: str, live: bool, arrivals: list[float]) -> str:
    timeline = new_timeline(live=live)
    items: list[Epoch | Packet] = []
    for text, arrived_at in zip(texts, arrivals, strict=True):
        timeline.begin_part(BOTH)
        for raw in script(text, arrived_at=arrived_at):
            items += timeline.push(raw)
        items += timeline.end_part()
    return shown(items)


def test_a_new_part_is_a_new_epoch_even_where_its_timestamps_go_on() -> None:
    assert parts("V0 a0 v1 a1", "V2 a2 v3 a3", live=False, arrivals=[0.0, 60.0]) == "[0] V0 a0 v1 a1 [2] V0 a0 v1 a1"


def test_live_stream_time_advances_by_the_time_that_passed_between_parts_and_a_file_s_by_none() -> None:
    assert parts("V0 v1", "V7 v8", "V0", live=True, arrivals=[5.0, 65.0, 66.0]) == "[0] V0 v1 [62] V0 v1 [65] V0"
    assert parts("V0 v1", "V7 v8", "V0", live=False, arrivals=[5.0, 65.0, 66.0]) == "[0] V0 v1 [2] V0 v1 [4] V0"


def test_stream_time_never_runs_backward_even_if_the_clock_did() -> None:
    assert parts("V0 v1", "V0 v1", live=True, arrivals=[65.0, 5.0]) == "[0] V0 v1 [2] V0 v1"


def test_nothing_of_a_new_part_goes_into_the_epoch_of_the_part_before() -> None:
    assert parts("V0 a0 v1 a1", "a1 a2 v2 V3 a3", live=False, arrivals=[0.0, 0.0]) == "[0] V0 a0 v1 a1 [2] V0 a0"
    assert parts("V0 a0 v1 a1", "a2 a3", live=False, arrivals=[0.0, 0.0]) == "[0] V0 a0 v1 a1 [2] a0 a1"


def test_a_duration_that_lies_does_not_carry_stream_time_away() -> None:
    lying = [replace(raw, duration=10**12) for raw in script("V0 v1 V5000 v5001")]
    starts = [item.start_seconds for item in one_part(lying) if isinstance(item, Epoch)]
    assert starts == [0.0, 11.0]  # believed up to the longest hole


# ---- laws -----------------------------------------------------------------------------------------------------------

TICKS = st.one_of(
    st.none(),
    st.integers(0, 30_000),
    st.integers(0, 1 << 33),
    st.sampled_from([0, 1, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 33) - 1]),
)


@st.composite
def anything(draw: st.DrawFn) -> list[RawPacket]:
    """Runs of regular packets that begin anywhere and are full of holes and slips."""
    time_bases: dict[Kind, Fraction] = {
        "video": draw(st.sampled_from([FLV, TS])),
        "audio": draw(st.sampled_from([FLV, TS, Fraction(1, 48_000)])),
    }
    packets = []
    for kind, start, step, length in draw(
        st.lists(
            st.tuples(st.sampled_from(["video", "audio"]), TICKS, st.integers(-2_000, 40_000), st.integers(1, 12)), max_size=12
        )
    ):
        for number in range(length):
            at = None if start is None else start + number * step
            late = draw(st.sampled_from([0, 0, 0, 40, 3_000, -40, -100_000, None]))
            packets.append(
                RawPacket(
                    kind=kind,
                    data=str(len(packets)).encode(),
                    pts=None if at is None or late is None else at + late,
                    dts=draw(st.sampled_from([at, at, at, None])),
                    duration=draw(st.sampled_from([0, 40, 3_000, 1 << 40])),
                    time_base=time_bases[kind],
                    is_key=kind == "audio" or draw(st.booleans()),
                    arrived_at=len(packets) / 10,
                )
            )
    return packets


@settings(deadline=None)
@given(anything(), st.sampled_from([BOTH, ONLY_SOUND]), st.booleans(), st.integers(0, 60))
def test_whatever_comes_in_the_laws_hold(packets: list[RawPacket], media: Media, live: bool, cut: int) -> None:
    if media is ONLY_SOUND:
        packets = [raw for raw in packets if raw.kind == "audio"]
    timeline = new_timeline(live=live)
    items: list[Epoch | Packet] = []
    for part in (packets[:cut], packets[cut:]):
        timeline.begin_part(media)
        for raw in part:
            items += timeline.push(raw)
        items += timeline.end_part()

    epoch: Epoch | None = None
    end_seconds = 0.0
    first_of_epoch: Packet | None = None
    last_dts: dict[Kind, int] = {}
    for item in items:
        if isinstance(item, Epoch):
            assert item.number == (epoch.number + 1 if epoch else 0)
            assert item.start_seconds >= end_seconds - 1e-6  # stream time never runs backward
            epoch, first_of_epoch, last_dts = item, None, {}
            continue
        assert epoch is not None
        assert item.epoch == epoch.number
        assert item.dts <= item.pts
        assert item.dts > last_dts.get(item.kind, item.dts - 1)
        if item.kind not in last_dts:
            assert item.pts >= 0
            assert item.is_key
        first_of_epoch = first_of_epoch or item
        if item is first_of_epoch:
            assert item.pts == 0
        last_dts[item.kind] = item.dts
        end_seconds = max(end_seconds, epoch.start_seconds + item.seconds)
    written = [item.data for item in items if isinstance(item, Packet)]
    assert len(set(written)) == len(written)
    for kind in ("video", "audio"):  # in their order, each at most once
        order = [raw.data for raw in packets if raw.kind == kind]
        kept = [item.data for item in items if isinstance(item, Packet) and item.kind == kind]
        assert kept == [data for data in order if data in set(kept)]


@settings(deadline=None)
@given(
    fps=st.sampled_from([5, 24, 25, 30, 50, 60]),
    gop=st.integers(1, 60),
    reordering=st.integers(0, 3),
    offset_seconds=st.floats(0, 2e5),
    sound_ahead_seconds=st.floats(-0.9, 0.9),
    time_base=st.sampled_from([FLV, TS]),
)
def test_a_well_formed_stream_loses_nothing_and_keeps_every_distance(
    fps: int, gop: int, reordering: int, offset_seconds: float, sound_ahead_seconds: float, time_base: Fraction
) -> None:
    offset, modulus = round(Fraction(offset_seconds) / time_base), WRAPS[time_base]
    stream = []
    for number in range(4 * fps):
        at = round(Fraction(number, fps) / time_base)
        delay = round(Fraction(reordering, fps) / time_base)
        stream.append((number / fps, "video", at + delay, at, number % gop == 0))
    for number in range(4 * 47):
        at = round(Fraction(number * 1024, 48_000) / time_base)
        stream.append((number * 1024 / 48_000 - sound_ahead_seconds, "audio", at, at, True))
    packets = [
        RawPacket(kind, str(number).encode(), (pts + offset) % modulus, (dts + offset) % modulus, 0, time_base, is_key, at)
        for number, (at, kind, pts, dts, is_key) in enumerate(sorted(stream, key=lambda entry: entry[0]))
    ]
    items = one_part(packets)
    assert sum(isinstance(item, Epoch) for item in items) == 1
    zero = round(Fraction(reordering, fps) / time_base)
    told = {item.data: (item.pts, item.dts) for item in items if isinstance(item, Packet)}
    due = {
        str(number).encode(): (pts - zero, dts - zero)
        for number, (_, kind, pts, dts, _) in enumerate(sorted(stream, key=lambda entry: entry[0]))
        if kind == "video" or pts >= zero
    }
    assert told == due
