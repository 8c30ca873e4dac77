"""Picture and sound encoded anew. What becomes of whole clips is seen in test_clips; here are the corners."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stream_processor.clipping.encode import PictureEncoder, SoundEncoder
from tests.clip_reader import play
from tests.media_maker import FPS


@pytest.mark.parametrize("recipe", ["mpeg2 and ac3 in ts", "vp9 and opus in webm", "h264 in flv"])
@pytest.mark.parametrize("first", [Fraction(0), Fraction(5, 2)])
def test_encoded_sound_is_where_it_was(made: Callable[..., Path], tmp_path: Path, recipe: str, first: Fraction) -> None:
    with av.open(str(made(recipe))) as source, av.open(str(tmp_path / "sound.mp4"), "w") as output:
        audio, video = source.streams.audio[0], source.streams.video[0]
        begins = (video.start_time or 0) * Fraction(video.time_base)
        encoder = SoundEncoder(output, audio)
        for packet in source.demux(audio):
            if packet.size:
                output.mux(list(encoder.push(packet, begins + first)))
        output.mux(list(encoder.push(None, first)))
    played = play(tmp_path / "sound.mp4")
    whole_seconds = [float(second - first) for second in range(1, 8) if second > first]
    assert played.clicks == pytest.approx(whole_seconds, abs=0.04)


def encode_picture(path: Path, target: Path, start: float, end: float) -> PictureEncoder:
    with av.open(str(path)) as source, av.open(str(target), "w", format="mp4") as output:
        video = source.streams.video[0]
        encoder = PictureEncoder(output, video, start_seconds=start, end_seconds=end, fps=Fraction(FPS))
        for packet in source.demux(video):
            output.mux(list(encoder.push(packet if packet.size else None)))
    return encoder


def test_it_says_which_frames_it_took(made: Callable[..., Path], tmp_path: Path) -> None:
    encoder = encode_picture(made("h264 in mp4"), tmp_path / "out.mp4", 1.0, 2.0)
    assert (encoder.first, encoder.last) == (1, 2 - Fraction(1, FPS))
    assert play(tmp_path / "out.mp4").numbers == list(range(FPS, 2 * FPS))


def test_a_frame_at_the_very_end_is_left_out_however_its_time_was_rounded(made: Callable[..., Path], tmp_path: Path) -> None:
    encoder = encode_picture(made("h264 in mp4"), tmp_path / "out.mp4", 1.0, 2.0000000001)
    assert encoder.last == 2 - Fraction(1, FPS)


def test_a_frame_that_rounding_put_just_before_the_start_is_taken(made: Callable[..., Path], tmp_path: Path) -> None:
    encoder = encode_picture(made("h264 in mp4"), tmp_path / "out.mp4", 1.0009, 2.0)
    assert encoder.first == 1


def test_a_broken_packet_costs_its_frames_and_no_more(made: Callable[..., Path], tmp_path: Path) -> None:
    with av.open(str(made("h264 in mp4"))) as source, av.open(str(tmp_path / "out.mp4"), "w") as output:
        video = source.streams.video[0]
        encoder = PictureEncoder(output, video, start_seconds=0, end_seconds=8, fps=Fraction(FPS))
        for index, packet in enumerate(source.demux(video)):
            if index == 60:
                broken = av.Packet(b"\x00\x00\x00\x04garbage")
                broken.pts, broken.dts, broken.time_base = packet.pts, packet.dts, packet.time_base
                packet = broken  # noqa: PLW2901
            output.mux(list(encoder.push(packet if packet.size else None)))
    numbers = play(tmp_path / "out.mp4").numbers
    assert numbers[0] == 0
    assert numbers[-1] == 8 * FPS - 1
    assert len(numbers) >= 8 * FPS - FPS
