"""The habits of a real encoder, read from its headers and held against what its pictures really need."""

from pathlib import Path

import pytest

from stream_processor.decoding.mini_gops import MiniGops
from stream_processor.decoding.nal import reach_reader
from stream_processor.records import Packet
from tests.channel import Channel, read
from tests.decoded_frames import encoded, luma
from tests.x264_streams import X264, x264


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("x264")


def watch(channel: Channel) -> tuple[MiniGops, list[tuple[Packet, bool]]]:
    """Its pictures, and which are B, by the headers alone."""
    assert channel.codecs.video is not None
    extradata = channel.codecs.video.extradata
    mini_gops, reach_of = MiniGops(extradata), reach_reader("h264", extradata)
    assert reach_of is not None
    pictures: list[tuple[Packet, bool]] = []
    for packet in channel.packets:
        if packet.kind == "video":
            reach = reach_of(packet.data)
            is_b = mini_gops.push(packet.pts, packet.data, is_alone=reach.is_alone, is_fresh=reach.is_fresh)
            pictures.append((packet, is_b))
    return mini_gops, pictures


def decoded(channel: Channel, packets: list[Packet]) -> dict[int, tuple[int, bytes]]:
    """pts -> picture type and luma."""
    context = channel.codecs.video
    assert context is not None
    context.thread_count = 1
    frames = [frame for packet in [*packets, None] for frame in context.decode(encoded(packet))]
    return {frame.pts: (int(frame.pict_type), luma(frame).tobytes()) for frame in frames if frame.pts is not None}


CLOSED = tuple(f"one reference{more}" for more in ("", ", adaptive", ", seven deep", ", slices", ", open gops"))


@pytest.mark.parametrize("name", X264)
def test_x264s_habit_is_read_from_its_headers(folder: Path, name: str) -> None:
    mini_gops, _ = watch(x264(folder, name))
    assert mini_gops.are_closed == (name in CLOSED)


@pytest.mark.parametrize("container", [".mp4", ".ts"])
@pytest.mark.parametrize("name", CLOSED)
def test_where_the_habit_is_closed_the_other_pictures_do_not_miss_the_b_pictures(folder: Path, name: str, container: str) -> None:
    _, pictures = watch(x264(folder, name, container=container))
    whole = decoded(x264(folder, name, container=container), [packet for packet, _ in pictures])
    without = decoded(x264(folder, name, container=container), [packet for packet, is_b in pictures if not is_b])
    assert 20 < len(without) < len(whole) / 2
    assert all(whole[pts] == picture for pts, picture in without.items())


def test_the_law_tells_the_two_apart_where_later_pictures_refer_back(folder: Path) -> None:
    """Without it nothing would be noticed: FFmpeg decodes the damaged pictures, and marks none."""
    _, pictures = watch(x264(folder, "one reference"))
    kinds = [is_b for _, is_b in pictures]
    channel = x264(folder, "three references")
    packets = [packet for packet in channel.packets if packet.kind == "video"]
    whole = decoded(channel, packets)
    without = decoded(x264(folder, "three references"), [packet for packet, is_b in zip(packets, kinds, strict=True) if not is_b])
    assert any(whole[pts] != picture for pts, picture in without.items())


@pytest.mark.parametrize("name", ["one reference", "one reference, slices", "no pyramid", "one reference, open gops"])
def test_a_b_picture_is_known_without_decoding_it(folder: Path, name: str) -> None:
    channel = x264(folder, name)
    _, pictures = watch(channel)
    types = {pts: kind for pts, (kind, _) in decoded(channel, [packet for packet, _ in pictures]).items()}
    assert {packet.pts: is_b for packet, is_b in pictures} == {pts: kind == 3 for pts, kind in types.items()}


def test_the_widest_mini_gop_is_as_long_as_its_b_pictures_are_many(folder: Path) -> None:
    for name, frames in (("one reference", 4), ("one reference, seven deep", 8), ("no B", 0)):
        mini_gops, pictures = watch(x264(folder, name))
        assert mini_gops.widest * pictures[0][0].time_base == pytest.approx(frames / 25)


@pytest.mark.parametrize(
    ("name", "is_closed"),
    [
        ("planted_dev.mp4", True),
        ("gameplay_minecraft_5s.mp4", False),
        ("sintel_trailer_480p.mp4", False),
        ("hls/bbb/segment_0.ts", False),
    ],
)
def test_real_recordings_have_the_one_habit_or_the_other(media: object, name: str, is_closed: bool) -> None:
    assert callable(media)
    mini_gops, _ = watch(read(media(name), to_seconds=6.0))
    assert (mini_gops.are_closed, mini_gops.is_broken) == (is_closed, not is_closed)


def test_what_cannot_be_read_is_never_believed(folder: Path) -> None:
    mini_gops, pictures = watch(x264(folder, "one reference"))
    assert mini_gops.are_closed
    assert not mini_gops.push(pictures[-1][0].pts + 1, b"\0\0\0\1\x41", is_alone=False, is_fresh=False)
    assert mini_gops.is_broken
    assert not mini_gops.are_closed
