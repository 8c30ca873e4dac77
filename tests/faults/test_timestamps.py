"""Timestamps that no encoder would write, on real packets: what is cut out of them decodes completely and stays in step.

A recording shows in every frame its number, and clicks at every whole second. Its packets are stamped anew, go through the real
timeline, packet ring, spool and cutter, and the clip is played to its end::

    packets   V0 a0 v1 a1 … | V9000 a9000 …      what the scenario makes of their timestamps
    epochs    [ 0 … 6 )       [ 0 … 6 )          each cut from its second to its last but one second
    clip      every frame once, in order; the clicks where the picture says that they are
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from stream_processor.demux import AvDemuxer, open_container
from stream_processor.packets import PacketRing
from stream_processor.records import Epoch, Packet, RawPacket, replace
from stream_processor.settings import RingSettings
from stream_processor.timeline import Timeline
from tests.channel import NOON, Channel, cut, highlight
from tests.clip_reader import Played, play
from tests.media_maker import FPS, RATE

SECONDS = 12
IN_STEP_SECONDS = 1 / FPS + 1024 / RATE
"""One frame and one packet of sound."""
TS = Fraction(1, 90_000)

Restamp = Callable[[list[RawPacket]], list[RawPacket]]


@dataclass(frozen=True)
class Recording:
    packets: list[RawPacket]
    demuxer: AvDemuxer


@pytest.fixture(scope="module")
def recording(made: Callable[..., Path]) -> Recording:
    """H.264 with B-frames and AAC, as MPEG-TS tells them: timestamps in 1/90000 s, from 0 on."""
    path = made("h264 in ts", seconds=SECONDS)
    demuxer = AvDemuxer(open_container(str(path), name=path.name), name=path.name)
    packets = [replace(raw, arrived_at=0.0) for raw in demuxer.packets()]
    first = min(raw.dts for raw in packets if raw.dts is not None)
    return Recording(moved(packets, -first), demuxer)


def moved(packets: list[RawPacket], ticks: int) -> list[RawPacket]:
    return [
        replace(raw, pts=None if raw.pts is None else raw.pts + ticks, dts=None if raw.dts is None else raw.dts + ticks)
        for raw in packets
    ]


def through(recording: Recording, packets: Iterator[RawPacket] | list[RawPacket], *, live: bool = False) -> list[Channel]:
    """Each epoch as a channel of its own: what cuts one sees no other, and in each lies the ring of all."""
    timeline = Timeline(live=live, max_gap_seconds=10.0, utc_at=lambda *_: NOON)
    timeline.begin_part(recording.demuxer.media)
    ring = PacketRing(RingSettings(seconds=60, max_mb=100))
    found: list[Channel] = []

    def take(items: Iterator[Epoch | Packet]) -> None:
        for item in items:
            if isinstance(item, Epoch):
                found.append(Channel(ring, item, recording.demuxer.codecs, [], []))
            else:
                found[-1].packets.append(item)
                ring.append(item, found[-1].epoch.start_seconds + item.seconds)

    for raw in packets:
        take(timeline.push(raw))
    take(timeline.end_part())
    ring.end_epoch(len(found))
    return found


def clip_of(channel: Channel, folder: Path, *, torn: bool = False) -> Played:
    """From the epoch's second second to its last but one."""
    end = max(packet.end_seconds for packet in channel.packets if packet.kind == "video")
    start_seconds, end_seconds = channel.epoch.start_seconds + min(1.2, end / 3), channel.epoch.start_seconds + end - 0.8
    folder.mkdir(exist_ok=True)
    moment = highlight(start_seconds, max(start_seconds, end_seconds), epoch=channel.epoch.number)
    outcome = cut(channel, moment, folder)
    assert outcome.clip is not None, outcome.reason
    assert outcome.clip.filename.endswith(".mp4"), "MP4 refused it"
    return play(folder / outcome.clip.filename, torn=torn)


def is_whole(clip: Played) -> bool:
    """Every frame once and in order, from one keyframe on."""
    first = clip.numbers[0]
    return clip.numbers == list(range(first, first + len(clip.numbers)))


def out_of_step_seconds(clip: Played) -> float:
    """By how much the worst click is off; two at the least were heard."""
    assert len(clip.clicks) >= 2
    return max(abs(late) for late in clip.out_of_step_seconds())


# ---- one epoch ------------------------------------------------------------------------------------------------------


def each(change: Callable[[int, RawPacket], RawPacket]) -> Restamp:
    """``change`` is told the packet's number among those of its kind."""

    def restamp(packets: list[RawPacket]) -> list[RawPacket]:
        counts = {"video": 0, "audio": 0}
        changed = []
        for raw in packets:
            changed.append(change(counts[raw.kind], raw))
            counts[raw.kind] += 1
        return changed

    return restamp


def seconds(value: float) -> int:
    return round(value / TS)


def wrapped_at(wraps_at_seconds: float) -> Restamp:
    def wrap(value: int | None) -> int | None:
        return None if value is None else (value - seconds(wraps_at_seconds)) % (1 << 33)

    return each(lambda _, raw: replace(raw, pts=wrap(raw.pts), dts=wrap(raw.dts)))


def without_every_third(packets: list[RawPacket]) -> list[RawPacket]:
    """pts missing here, dts there, both elsewhere; of the sound only, since nobody can tell the order of pictures without pts."""
    gone = {0: ("pts",), 1: ("dts",), 2: ("pts", "dts")}
    return each(
        lambda number, raw: (
            replace(raw, **dict.fromkeys(gone[number // 3 % 3])) if number % 3 == 1 and raw.kind == "audio" else raw
        )
    )(packets)


def lying(_: int, raw: RawPacket) -> RawPacket:
    return replace(raw, duration=random.Random(raw.data[-1]).choice([0, -1, -(1 << 62), 1 << 31, 1 << 62, (1 << 63) - 1]))


def near_the_end_of_64_bits(number: int, raw: RawPacket) -> RawPacket:
    largest = random.Random(number).choice([(1 << 63) - 1, -(1 << 63) + 1, 1 << 62])
    if number % 7 == 3:
        return replace(raw, dts=largest) if raw.kind == "video" else replace(raw, pts=largest, dts=largest)
    return raw


ONE_EPOCH: dict[str, Restamp] = {
    "as they are": each(lambda _, raw: raw),
    "every dts missing": each(lambda _, raw: replace(raw, dts=None)),
    "every other dts missing": each(lambda number, raw: replace(raw, dts=None if number % 2 else raw.dts)),
    "of the sound every third pts, dts or both missing": without_every_third,
    "dts of the sound steps back by a little, again and again": each(
        lambda number, raw: moved([raw], -seconds(0.03))[0] if number % 5 == 3 and raw.kind == "audio" else raw
    ),
    "dts steps back by half a second, again and again": each(
        lambda number, raw: replace(raw, dts=raw.dts - seconds(0.5)) if number % 9 == 5 and raw.dts else raw
    ),
    "pts before dts": each(lambda number, raw: replace(raw, dts=raw.dts + seconds(0.3)) if number % 7 == 5 and raw.dts else raw),
    "variable frame rate": each(
        lambda number, raw: (
            replace(raw, pts=raw.pts + seconds(0.009) * (number % 3 - 1)) if raw.kind == "video" and number and raw.pts else raw
        )
    ),
    "durations of zero, less than zero, and of ages": each(lying),
    "33 bits wrap at 5.5 s": wrapped_at(5.5),
    "33 bits wrap within the first frames": wrapped_at(0.1),
    "hours after zero": lambda packets: moved(packets, seconds(300_000)),
    "before zero": lambda packets: moved(packets, -seconds(5.5)),
    "just within what is believed": lambda packets: moved(packets, (1 << 62) - seconds(SECONDS + 5)),
    "one in seven at the end of 64 bits": each(near_the_end_of_64_bits),
    "pts of the sound hours off": each(
        lambda number, raw: (
            replace(raw, pts=raw.pts + seconds(9000)) if number % 5 == 3 and raw.kind == "audio" and raw.pts else raw
        )
    ),
}


@pytest.mark.parametrize("scenario", ONE_EPOCH)
def test_what_can_be_repaired_costs_no_frame_and_no_step(recording: Recording, tmp_path: Path, scenario: str) -> None:
    (channel,) = through(recording, ONE_EPOCH[scenario](recording.packets))
    assert [packet.data for packet in channel.packets if packet.kind == "video"] == [
        raw.data for raw in recording.packets if raw.kind == "video"
    ]
    clip = clip_of(channel, tmp_path)
    assert is_whole(clip)
    assert out_of_step_seconds(clip) <= IN_STEP_SECONDS
    assert len(clip.numbers) >= (SECONDS - 3) * FPS


SENSELESS: dict[str, Restamp] = {
    "all the same": each(lambda _, raw: replace(raw, pts=1000, dts=1000)),
    "none at all": each(lambda _, raw: replace(raw, pts=None, dts=None)),
    "each at the end of 64 bits": each(lambda _, raw: replace(raw, pts=(1 << 63) - 1, dts=(1 << 63) - 1)),
    "every frame twice": lambda packets: [raw for raw in packets for _ in range(1 + (raw.kind == "audio"))],
    "pictures in pairs": each(lambda number, raw: replace(raw, pts=number // 2 * 7200, dts=number // 2 * 7200)),
    "pts of the picture is always zero": each(lambda _, raw: replace(raw, pts=0) if raw.kind == "video" else raw),
    "pts of the picture goes hours ahead": each(
        lambda number, raw: replace(raw, pts=number * seconds(3600)) if raw.kind == "video" else raw
    ),
}


@pytest.mark.parametrize("scenario", SENSELESS)
def test_where_nothing_says_what_the_step_was_the_clip_still_decodes_completely(
    recording: Recording, tmp_path: Path, scenario: str
) -> None:
    channels = through(recording, SENSELESS[scenario](recording.packets))
    kept = [packet.data for channel in channels for packet in channel.packets if packet.kind == "video"]
    assert len(kept) >= len([raw for raw in recording.packets if raw.kind == "video"]) - 3
    for channel in channels:
        assert max(packet.end_seconds for packet in channel.packets) <= 3 * SECONDS  # no page of empty panes, no endless clip
    clip = clip_of(channels[-1], tmp_path, torn=True)
    assert len(clip.numbers) == len(clip.packets["video"]) >= 1


@pytest.mark.parametrize("late_seconds", [-2.5, 2.5], ids=["sooner", "later"])
def test_sound_that_is_sent_sooner_or_later_than_its_picture_is_all_in_the_clip(
    recording: Recording, tmp_path: Path, late_seconds: float
) -> None:
    """```
    sent   V0 … v2 a0 v3 a1 …        the clip: V0 a0 v1 a1 … to its end
    ```"""

    def sent(raw: RawPacket) -> float:
        return (raw.dts or 0) * float(TS) + (late_seconds if raw.kind == "audio" else 0.0)

    (channel,) = through(recording, sorted(recording.packets, key=sent))
    outcome = cut(channel, highlight(3.2, 8.0), tmp_path)
    assert outcome.clip is not None, outcome.reason
    clip = play(tmp_path / outcome.clip.filename)
    assert is_whole(clip)
    assert out_of_step_seconds(clip) <= IN_STEP_SECONDS
    assert clip.sound_seconds == pytest.approx((0.0, clip.times[-1]), abs=0.1)


# ---- several epochs -------------------------------------------------------------------------------------------------


def jumping(at_seconds: float, by_seconds: float, sound_later_seconds: float) -> Restamp:
    """From the keyframe at ``at_seconds`` on everything lies elsewhere; the sound jumps a little sooner or later."""

    def change(_: int, raw: RawPacket) -> RawPacket:
        shown = raw.pts or 0
        jumps_at = seconds(at_seconds + (sound_later_seconds if raw.kind == "audio" else 0.0))
        jumped = shown >= jumps_at if raw.kind == "audio" else (raw.dts or 0) >= jumps_at
        return moved([raw], seconds(by_seconds))[0] if jumped else raw

    return each(change)


@pytest.mark.parametrize("sound_later", [0.0, -0.4, 0.4], ids=["both at once", "sound first", "picture first"])
@pytest.mark.parametrize("by_seconds", [9000.0, -6.0, -100.0, 2e9], ids=["hours", "to zero", "below zero", "ages"])
def test_a_jump_gives_two_epochs_and_a_clip_of_each_in_step(
    recording: Recording, tmp_path: Path, by_seconds: float, sound_later: float
) -> None:
    first_key = next(raw.dts for raw in recording.packets if raw.kind == "video" and raw.is_key and (raw.pts or 0) > seconds(6))
    assert first_key is not None
    restamp = jumping(first_key * float(TS), by_seconds, sound_later)
    channels = through(recording, restamp(recording.packets))
    assert len(channels) == 2
    for number, channel in enumerate(channels):
        clip = clip_of(channel, tmp_path / str(number))
        assert is_whole(clip)
        assert out_of_step_seconds(clip) <= IN_STEP_SECONDS
        assert len(clip.numbers) > 2 * FPS


# ---- after hours ----------------------------------------------------------------------------------------------------


def hours_before(recording: Recording, total_seconds: int, step_seconds: float, sound_rate: float = 1.0) -> Iterator[RawPacket]:
    """A keyframe and some sound, again and again: a stream that is thin, and long."""
    key = next(raw for raw in recording.packets if raw.kind == "video" and raw.is_key)
    sound = next(raw for raw in recording.packets if raw.kind == "audio")
    for number in range(int(total_seconds / step_seconds)):
        for raw, rate in ((key, 1.0), (sound, sound_rate)):
            ticks = seconds(number * step_seconds * rate)
            yield replace(raw, pts=ticks, dts=ticks, duration=seconds(step_seconds), arrived_at=number * step_seconds)


def test_the_second_wrap_after_53_hours_is_not_noticed_either(recording: Recording, tmp_path: Path) -> None:
    """```
    33 bits  0 ─── 26.5 h ─── 0 ─── 26.5 h ─── 0      the recording lies across the second wrap
    ```"""
    until = 2 * (1 << 33) * float(TS) - 6
    before = hours_before(recording, int(until), 9.0)
    late = moved(recording.packets, seconds(until))
    (channel,) = through(recording, wrapped_at(0.0)([*before, *late]))
    channel.packets = channel.packets[-len(recording.packets) :]
    wraps = [
        one.dts > other.dts + (1 << 32)
        for one, other in zip(late_raw(recording, until), late_raw(recording, until)[1:], strict=False)
        if one.dts is not None and other.dts is not None
    ]
    assert any(wraps), "no wrap in it: the test is none"
    assert max(packet.seconds for packet in channel.packets) == pytest.approx(until + SECONDS, abs=1.0)
    start = channel.epoch.start_seconds + until + 2.2
    outcome = cut(channel, highlight(start, start + 8, epoch=channel.epoch.number), tmp_path)
    assert outcome.clip is not None, outcome.reason
    clip = play(tmp_path / outcome.clip.filename)
    assert is_whole(clip)
    assert out_of_step_seconds(clip) <= IN_STEP_SECONDS


def late_raw(recording: Recording, until: float) -> list[RawPacket]:
    return [raw for raw in wrapped_at(0.0)(moved(recording.packets, seconds(until))) if raw.kind == "video"]


def drifting(recording: Recording, turns: int, rate: float) -> Iterator[RawPacket]:
    """The recording again and again, as one stream whose sound is stamped by a clock of its own."""
    for turn in range(turns):
        for raw in recording.packets:
            at = seconds(turn * SECONDS)
            ticks = at if raw.kind == "video" else at + round((at + (raw.dts or 0)) * (rate - 1))
            yield replace(moved([raw], ticks)[0], arrived_at=turn * SECONDS + (raw.dts or 0) * float(TS))


def in_step_after(recording: Recording, folder: Path, turns: int, rate: float) -> None:
    """```
    sent together   V0 a0 … V600 a606         the clip: V0 a0 v1 a1 …
    ```"""
    (channel,) = through(recording, drifting(recording, turns, rate), live=True)
    start = (turns - 1) * SECONDS + 1.2
    outcome = cut(channel, highlight(start, start + 8), folder)
    assert outcome.clip is not None, outcome.reason
    clip = play(folder / outcome.clip.filename)
    assert is_whole(clip)
    assert out_of_step_seconds(clip) <= IN_STEP_SECONDS


@pytest.mark.parametrize("rate", [1.01, 0.99], ids=["fast", "slow"])
def test_sound_whose_clock_is_one_in_a_hundred_off_is_led_back(recording: Recording, tmp_path: Path, rate: float) -> None:
    in_step_after(recording, tmp_path, 450 // SECONDS, rate)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("rate", [1.01, 0.99, 1.001, 0.98], ids=["fast", "slow", "a little fast", "very slow"])
def test_sound_whose_clock_is_off_is_in_step_after_an_hour(recording: Recording, tmp_path: Path, rate: float) -> None:
    in_step_after(recording, tmp_path, 3600 // SECONDS, rate)
