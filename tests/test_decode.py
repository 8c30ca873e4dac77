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
from tests.x264_streams import x264

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
    assert (counts.frames + counts.skipped, counts.sampled, counts.errors, counts.late) == (8 * FPS, 40, 0, 0)


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


# ---- what is not decoded ---------------------------------------------------------------------------------------------


def pixels(panes: list[Pane]) -> list[tuple[list[float], bytes, bytes]]:
    return [
        (list(pane.frames.times), pane.frames.planes.tobytes(), pane.pictures.rgb.tobytes() if pane.pictures else b"")
        for pane in panes
        if pane.frames is not None
    ]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("recipe", [name for name, recipe in RECIPES.items() if recipe.video])
def test_skipping_changes_no_bit_of_what_is_sampled(made: Callable[..., Path], recipe: str, threads: int) -> None:
    sampling = replace(SAMPLING, threads=threads, picture_size=64, picture_fps=1.0)
    some, counts = decode(read(made(recipe)), sampling)
    every, _ = decode(read(made(recipe)), replace(sampling, skips=False))
    assert pixels(some) == pixels(every)
    assert [pane.duration_seconds for pane in some] == [pane.duration_seconds for pane in every]
    assert (counts.skipped > 20) == ("h264" in recipe or "hevc" in recipe)


@pytest.mark.parametrize("name", ["no pyramid", "no B", "all intra", "three references", "strict pyramid", "periodic refresh"])
def test_nor_where_the_encoder_has_other_habits(tmp_path: Path, name: str) -> None:
    some, counts = decode(x264(tmp_path, name))
    every, _ = decode(x264(tmp_path, name), replace(SAMPLING, skips=False))
    assert pixels(some) == pixels(every)
    assert counts.skipped > (-1 if name == "periodic refresh" else 5)


def test_each_field_of_an_interlaced_stream_may_be_needed(tmp_path: Path) -> None:
    _, counts = decode(x264(tmp_path, "interlaced"))
    assert counts.skipped == 0


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", [f"one reference{more}" for more in ("", ", adaptive", ", slices", ", open gops")])
def test_without_b_pictures_the_samples_are_others_no_later_than_half_a_cell_and_exact(
    tmp_path: Path, name: str, threads: int
) -> None:
    """
    cells    |          |          |
    all      *P  b b b P *b b b P b *b b P
    without  *P        P    *   P      *P      no two further apart than 1.5 cells
    """
    sampling = replace(SAMPLING, fps=2.5, threads=threads)
    some, counts = decode(x264(tmp_path, name), sampling)
    every, _ = decode(x264(tmp_path, name), replace(sampling, fps=25.0, skips=False))
    assert counts.skipped > 100
    shown = {time: plane.tobytes() for pane in every if pane.frames for time, plane in zip(*frames_of(pane), strict=True)}
    taken = [(time, plane.tobytes()) for pane in some if pane.frames for time, plane in zip(*frames_of(pane), strict=True)]
    assert all(shown[time] == plane for time, plane in taken)
    frames = np.array([round(time * FPS) for time, _ in taken])
    assert list(frames // 10) == list(range(20)), "one in every cell"
    assert (frames % 10).max() <= 5
    assert np.diff(frames).max() <= 15


def frames_of(pane: Pane) -> tuple[list[float], list[np.ndarray]]:
    assert pane.frames is not None
    return [round(float(time), 6) for time in pane.frames.times], list(pane.frames.planes)


def test_where_the_others_are_too_far_apart_the_b_pictures_stay(tmp_path: Path) -> None:
    """At five a second, half a cell is 0.1 s, and they are 0.16 s apart."""
    some, counts = decode(x264(tmp_path, "one reference"))
    every, _ = decode(x264(tmp_path, "one reference"), replace(SAMPLING, skips=False))
    assert pixels(some) == pixels(every)
    assert counts.skipped > 50


@pytest.mark.parametrize(
    ("name", "seconds"), [("planted_dev.mp4", 12.0), ("gameplay_minecraft_5s.mp4", 6.0), ("sintel_trailer_480p.mp4", 12.0)]
)
def test_real_recordings_come_out_as_if_everything_had_been_decoded(
    media: Callable[[str], Path], name: str, seconds: float
) -> None:
    every, _ = decode(read(media(name), to_seconds=seconds), replace(SAMPLING, fps=60.0, skips=False))
    some, counts = decode(read(media(name), to_seconds=seconds))
    shown = {time: plane.tobytes() for pane in every if pane.frames for time, plane in zip(*frames_of(pane), strict=True)}
    taken = [(time, plane.tobytes()) for pane in some if pane.frames for time, plane in zip(*frames_of(pane), strict=True)]
    assert all(shown[time] == plane for time, plane in taken)
    assert np.diff([time for time, _ in taken]).max() <= 0.3
    assert counts.skipped > counts.frames / 4


def test_a_pane_is_given_out_as_soon_as_nothing_of_it_can_come_any_more(tmp_path: Path) -> None:
    """Not only when a frame from behind its end has come out of the decoder, which holds some back."""
    channel = x264(tmp_path, "no pyramid")
    decoder = EpochDecoder(channel.epoch, channel.codecs, SAMPLING, DecodeCounts())
    for packet in channel.packets:
        for pane in decoder.decode(packet):
            behind_seconds = float(packet.dts * packet.time_base) - (pane.number + 1)
            assert behind_seconds <= 2.5 / FPS


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
    assert counts.frames + counts.skipped > 300


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
