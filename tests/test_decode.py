"""Packets in, panes out: the frames show their numbers, so it is seen which were sampled, and in which pane they lie."""

import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stream_processor.backlog import Backlog, Begin, End
from stream_processor.decode import DecodeCounts, EpochDecoder, Sampling, decode_all
from stream_processor.records import Packet, Pane, replace
from tests.channel import Channel, read
from tests.media_maker import COLOUR, FPS, RATE, RECIPES, number_of

SAMPLING = Sampling(pane_seconds=Fraction(1), fps=5.0, height=180, picture_size=None, picture_fps=1.0, blocks=20, threads=1)
EVERY_FIFTH = [[second * FPS + cell * 5 for cell in range(5)] for second in range(8)]


def decode(
    channel: Channel, sampling: Sampling = SAMPLING, packets: list[Packet] | None = None
) -> tuple[list[Pane], DecodeCounts]:
    counts = DecodeCounts()
    decoder = EpochDecoder(channel.epoch, channel.codecs, sampling, counts)
    panes = [pane for packet in (channel.packets if packets is None else packets) for pane in decoder.decode(packet)]
    return [*panes, *decoder.finish()], counts


def numbers(pane: Pane) -> list[int]:
    assert pane.frames is not None
    return [number_of(luma) for luma in pane.frames.luma]


# ---- picture ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", [name for name, recipe in RECIPES.items() if recipe.video])
def test_five_frames_a_second_are_sampled_each_into_its_pane(made: Callable[..., Path], recipe: str) -> None:
    panes, counts = decode(read(made(recipe)))
    assert [numbers(pane) for pane in panes[:8]] == EVERY_FIFTH
    assert [pane.number for pane in panes] == list(range(len(panes)))
    assert (counts.frames, counts.sampled, counts.errors, counts.late) == (8 * FPS, 40, 0, 0)


def test_a_samples_time_is_its_frames_own(made: Callable[..., Path]) -> None:
    panes, _ = decode(read(made("h264 in ts")))
    for pane in panes[:8]:
        assert pane.frames is not None
        assert pane.frames.times == pytest.approx([number / FPS for number in numbers(pane)], abs=0.001)


def test_frames_are_never_enlarged_and_keep_their_shape(made: Callable[..., Path]) -> None:
    small = replace(SAMPLING, height=48)
    frames = [decode(read(made("h264 in mp4")), sampling)[0][0].frames for sampling in (SAMPLING, small)]
    assert [frame.planes.shape for frame in frames if frame is not None] == [(5, 144, 192), (5, 72, 96)]


def test_the_colours_come_along_behind_the_luma(made: Callable[..., Path]) -> None:
    frames = decode(read(made("h264 in mp4")), replace(SAMPLING, height=48))[0][3].frames
    assert frames is not None
    u, v = frames.planes[:, 48:60], frames.planes[:, 60:72]
    assert np.abs(u.astype(int) - COLOUR[0]).max() <= 4
    assert np.abs(v.astype(int) - COLOUR[1]).max() <= 4


def test_pictures_for_embeddings_are_rgb_their_shorter_side_as_asked(made: Callable[..., Path]) -> None:
    panes, _ = decode(read(made("h264 in mp4")), replace(SAMPLING, picture_size=64, picture_fps=2.0))
    pictures = panes[3].pictures
    assert pictures is not None
    assert pictures.rgb.shape == (2, 64, 128, 3)
    assert pictures.times == pytest.approx([3.0, 3.52], abs=0.001)
    assert decode(read(made("h264 in mp4")))[0][3].pictures is None


def test_the_last_pane_is_as_long_as_what_is_left_and_says_that_it_is_the_last(made: Callable[..., Path]) -> None:
    channel = read(made("h264 without sound"))
    kept = [packet for packet in channel.packets if packet.seconds < 2.5]
    panes, _ = decode(channel, packets=kept)
    assert [pane.is_last for pane in panes] == [False, False, True]
    assert panes[-1].duration_seconds == pytest.approx(0.5, abs=0.13)


# ---- sound -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", [name for name, recipe in RECIPES.items() if recipe.audio and recipe.video])
def test_the_click_of_each_second_is_at_the_beginning_of_its_pane(made: Callable[..., Path], recipe: str) -> None:
    panes, _ = decode(read(made(recipe)))
    for pane in panes[1:8]:
        assert pane.sound is not None
        assert pane.sound.first == pane.number * RATE
        assert len(pane.sound.samples) == RATE
        loud = np.flatnonzero(np.abs(np.nan_to_num(pane.sound.samples)) > 0.2) / RATE
        near_next = loud[loud > 0.5]
        assert loud[loud < 0.5].max() < 0.03
        assert len(near_next) == 0 or near_next.min() > 0.97, "the next second's click, a few milliseconds early"


def test_sound_alone_gives_panes_without_frames(made: Callable[..., Path]) -> None:
    panes, _ = decode(read(made("sound alone")))
    assert len(panes) >= 8
    assert all(pane.frames is None and pane.sound is not None for pane in panes)


def test_picture_alone_gives_panes_without_sound(made: Callable[..., Path]) -> None:
    panes, _ = decode(read(made("h264 without sound")))
    assert all(pane.frames is not None and pane.sound is None for pane in panes)


def test_where_the_sound_stops_the_panes_go_on_with_a_hole_in_it(made: Callable[..., Path]) -> None:
    channel = read(made("h264 in mp4"))
    kept = [packet for packet in channel.packets if packet.kind == "video" or packet.seconds < 3.0]
    panes, _ = decode(channel, packets=kept)
    assert [numbers(pane) for pane in panes[:8]] == EVERY_FIFTH
    last = panes[6].sound
    assert last is not None
    assert np.isnan(last.samples).all()


# ---- what is broken --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_data_that_cannot_be_decoded_is_counted_and_passed_over(made: Callable[..., Path], kind: str) -> None:
    channel = read(made("h264 in ts"))
    broken = [
        packet.kind == kind and 3.0 <= packet.seconds < 3.5 and (kind == "audio" or not packet.is_key)
        for packet in channel.packets
    ]
    torn = [
        replace(packet, data=b"\xff" * 40) if is_broken else packet
        for packet, is_broken in zip(channel.packets, broken, strict=True)
    ]
    panes, counts = decode(channel, packets=torn)
    assert counts.errors > 0
    assert numbers(panes[6]) == EVERY_FIFTH[6]
    assert len(panes) >= 8


def test_pictures_dropped_in_between_cost_only_themselves(made: Callable[..., Path]) -> None:
    """As a live queue that overflows drops them: up to the next keyframe."""
    channel = read(made("h264 in mp4"))
    kept = [packet for packet in channel.packets if packet.kind == "audio" or not 3.0 <= packet.seconds < 4.0]
    panes, _ = decode(channel, packets=kept)
    assert [numbers(panes[index]) for index in (2, 4)] == [EVERY_FIFTH[2], EVERY_FIFTH[4]]
    assert len(numbers(panes[3])) <= 1


def test_a_seam_with_pictures_out_of_order_gives_rising_times(media: Callable[[str], Path]) -> None:
    panes, counts = decode(read(media("planted_dev.mp4"), from_seconds=106, to_seconds=118))
    times = np.concatenate([pane.frames.times for pane in panes if pane.frames is not None])
    assert (np.diff(times) > 0).all()
    assert counts.frames > 300


# ---- the thread's work -----------------------------------------------------------------------------------------------


def run(items: list[Begin | End | Packet], *, seconds: float = 6.0) -> tuple[list[Pane], DecodeCounts]:
    """Through the real queue, with a real thread at its other end."""
    backlog, counts, panes = Backlog(seconds, lossless=True), DecodeCounts(), []
    thread = threading.Thread(target=decode_all, args=(backlog, SAMPLING, panes.append, counts))
    thread.start()
    for item in items:
        assert backlog.put(item)
    backlog.close()
    thread.join(60)
    assert not thread.is_alive()
    return panes, counts


def test_each_epoch_begins_at_pane_zero_and_ends_with_its_last(made: Callable[..., Path]) -> None:
    """As after a reconnect: another container, another codec."""
    one, two = read(made("h264 in mp4")), read(made("vp9 and opus in webm"))
    second = replace(two.epoch, number=1, start_seconds=8.0)
    panes, _ = run([Begin(one.epoch, one.codecs), *one.packets, End(), Begin(second, two.codecs), *two.packets, End()])
    of_second = [pane for pane in panes if pane.epoch == 1]
    assert [pane.number for pane in of_second] == list(range(len(of_second)))
    assert [numbers(pane) for pane in of_second[:8]] == EVERY_FIFTH
    assert [pane.epoch for pane in panes if pane.is_last] == [0, 1]
    assert of_second[0].start_seconds == 8.0


def test_an_epoch_that_is_cut_off_without_an_end_is_finished_all_the_same(made: Callable[..., Path]) -> None:
    channel = read(made("h264 in mp4"))
    panes, _ = run([Begin(channel.epoch, channel.codecs), *channel.packets])
    assert panes[-1].is_last
    assert [numbers(pane) for pane in panes[:8]] == EVERY_FIFTH


def test_the_same_packets_give_the_same_panes_however_short_the_queue_is(made: Callable[..., Path]) -> None:
    def planes(seconds: float) -> list[bytes]:
        channel = read(made("h264 in mp4"))
        panes, _ = run([Begin(channel.epoch, channel.codecs), *channel.packets, End()], seconds=seconds)
        return [pane.frames.planes.tobytes() + pane.sound.samples.tobytes() for pane in panes if pane.frames and pane.sound]

    assert planes(0.2) == planes(60.0)
