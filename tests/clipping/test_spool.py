"""Packets of a growing highlight on disk: read back as they were, also while they are written and after an abrupt end."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream_processor.clipping.spool import FLUSH_SECONDS, MOST_EARLY_SECONDS, SpoolReader, SpoolWriter
from stream_processor.errors import ClipImpossible, ClipWriteError
from stream_processor.records import Packet, replace
from tests.channel import Channel, read


def spool(channel: Channel, stem: Path, packets: list[Packet] | None = None) -> SpoolWriter:
    writer = SpoolWriter(stem, channel.codecs.template)
    for packet in channel.packets if packets is None else packets:
        writer.write(packet)
    return writer


def test_a_disk_that_takes_all_but_the_very_last_of_it_is_said_when_it_is_finished(
    made: Callable[..., Path], tmp_path: Path
) -> None:
    """What a cluster holds back reaches the disk with its end. The limit on a file's size is where this disk is full."""
    resource = pytest.importorskip("resource", reason="this system has no limit on a file's size")
    channel = read(made("h264 in mp4"))
    writer = spool(channel, tmp_path / "h", [packet for packet in channel.packets if packet.seconds < FLUSH_SECONDS / 2])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (writer.path.stat().st_size, before[1]))
    try:
        with pytest.raises(ClipWriteError, match=r"h\.mkv: File too large"):
            writer.finish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    writer.close()


def test_a_folder_that_is_none_for_now_is_no_reason_to_give_a_spool_up(tmp_path: Path) -> None:
    (tmp_path / ".spool").write_text("not mounted")
    with pytest.raises(ClipWriteError, match="Not a directory") as raised:
        SpoolReader(tmp_path / ".spool" / "h.mkv")
    assert not isinstance(raised.value, ClipImpossible)


def data(path: Path, kind: str = "video") -> list[bytes]:
    with SpoolReader(path) as reader:
        return [bytes(item.packet) for item in reader.packets() if item.kind == kind]


def of(kind: str, packets: list[Packet]) -> list[Packet]:
    return [packet for packet in packets if packet.kind == kind]


@pytest.mark.parametrize("recipe", ["h264 in mp4", "vp9 and opus in webm", "av1 and opus in mkv", "sound alone"])
def test_what_was_written_is_read_back_byte_for_byte(made: Callable[..., Path], tmp_path: Path, recipe: str) -> None:
    channel = read(made(recipe))
    writer = spool(channel, tmp_path / "h")
    writer.close()
    for kind in ("video", "audio"):
        assert data(writer.path, kind) == [packet.data for packet in of(kind, channel.packets)]


@pytest.mark.parametrize("recipe", ["h264 in ts", "h264 in flv"])
def test_its_maker_gets_the_exact_timestamps_back_that_matroska_rounds(
    made: Callable[..., Path], tmp_path: Path, recipe: str
) -> None:
    channel = read(made(recipe))
    writer = spool(channel, tmp_path / "h")
    writer.close()
    with SpoolReader(writer.path, writer.times) as reader:
        back = [item.packet for item in reader.packets() if item.kind == "video"]
        told = [(packet.pts * packet.time_base, packet.dts * packet.time_base) for packet in back]
    exact = [(packet.pts * packet.time_base, packet.dts * packet.time_base) for packet in of("video", channel.packets)]
    zero = exact[0][0]
    assert told == [(pts - zero, dts - zero) for pts, dts in exact]


def test_others_get_milliseconds(made: Callable[..., Path], tmp_path: Path) -> None:
    channel = read(made("h264 in ts"))
    writer = spool(channel, tmp_path / "h")
    writer.close()
    with SpoolReader(writer.path) as reader:
        told = [item.seconds for item in reader.packets() if item.kind == "video"]
    assert told == pytest.approx([packet.seconds for packet in of("video", channel.packets)], abs=0.001)


def test_it_remembers_where_in_the_epoch_it_begins(made: Callable[..., Path], tmp_path: Path) -> None:
    channel = read(made("h264 in mp4"))
    later = [packet for packet in channel.packets if packet.seconds >= 3.0]
    writer = spool(channel, tmp_path / "h", later)
    writer.close()
    assert writer.base_seconds == 3.0
    with SpoolReader(writer.path) as reader:
        assert reader.base_seconds == 3.0
        assert min(item.seconds for item in reader.packets() if item.kind == "video") == 0.0


def test_sound_from_before_the_first_picture_is_left_out(made: Callable[..., Path], tmp_path: Path) -> None:
    channel = read(made("h264 in mp4"))
    sound = [packet for packet in of("audio", channel.packets) if packet.seconds < 4.0]
    pictures = [packet for packet in of("video", channel.packets) if 3.0 <= packet.seconds < 4.0]
    writer = spool(channel, tmp_path / "h", [*sound, *pictures])
    writer.close()
    assert data(writer.path, "audio") == [packet.data for packet in sound if packet.seconds >= 3.0]


def test_decoded_seconds_says_up_to_where_all_has_come(made: Callable[..., Path], tmp_path: Path) -> None:
    channel = read(made("h264 in mp4"))
    writer = SpoolWriter(tmp_path / "h", channel.codecs.template)
    assert writer.decoded_seconds == float("-inf")
    pictures = of("video", channel.packets)
    for index, packet in enumerate(pictures):
        writer.write(packet)
        assert all(later.seconds >= writer.decoded_seconds for later in pictures[index + 1 :])
    assert writer.decoded_seconds == pytest.approx(8.0, abs=0.2)
    writer.remove()


# ---- an abrupt end ---------------------------------------------------------------------------------------------------


def test_while_it_grows_a_copy_of_it_can_be_read_up_to_the_last_second(made: Callable[..., Path], tmp_path: Path) -> None:
    channel = read(made("h264 in mp4"))
    writer = SpoolWriter(tmp_path / "h", channel.codecs.template)
    checked = 0
    for packet in channel.packets:
        writer.write(packet)
        if packet.kind == "video" and packet.is_key and packet.seconds >= 2.0:
            torn = tmp_path / "copy.mkv"
            torn.write_bytes(writer.path.read_bytes())
            with SpoolReader(torn) as reader:
                newest = max(item.seconds for item in reader.packets())
            assert newest >= packet.seconds - FLUSH_SECONDS - 0.1
            checked += 1
    writer.close()
    assert checked >= 5


@pytest.fixture(scope="module")
def whole(made: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    writer = spool(read(made("h264 in mp4")), tmp_path_factory.mktemp("whole") / "h")
    writer.close()
    return writer.path


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kept=st.floats(0, 1))
def test_wherever_it_is_torn_off_what_is_left_is_a_beginning_of_the_whole(whole: Path, tmp_path: Path, kept: float) -> None:
    torn = tmp_path / "torn.mkv"
    content = whole.read_bytes()
    torn.write_bytes(content[: int(len(content) * kept)])
    everything = data(whole)
    try:
        left = data(torn)
    except ClipImpossible:
        assert kept < 0.1, "only where not even its head is there"
        return
    whole_packets = left[:-1] if left and left != everything[: len(left)] else left  # the last may itself be torn
    assert whole_packets == everything[: len(whole_packets)]
    assert len(left) >= (kept - 0.2) * len(everything)


# ---- errors ----------------------------------------------------------------------------------------------------------


def test_what_cannot_be_written_is_a_clip_write_error_with_the_reason(made: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ClipWriteError, match=r"h\.mkv: File exists"):
        spool(read(made("h264 in mp4")), tmp_path / "file" / "h")


def test_a_spool_that_is_not_there_is_impossible(tmp_path: Path) -> None:
    with pytest.raises(ClipImpossible, match=r"gone\.mkv: cannot be read back: No such file"):
        SpoolReader(tmp_path / "gone.mkv")


def test_remove_leaves_nothing(made: Callable[..., Path], tmp_path: Path) -> None:
    writer = spool(read(made("h264 in mp4")), tmp_path / "h")
    writer.remove()
    writer.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_codec_that_matroska_refuses_is_spooled_to_nut(media: Callable[[str], Path], tmp_path: Path) -> None:
    channel = read(media("odd/vp6_noaudio.flv"), to_seconds=3)
    writer = spool(channel, tmp_path / "h")
    writer.close()
    assert writer.path.suffix == ".nut"
    assert data(writer.path) == [packet.data for packet in channel.packets]


def test_packets_one_tick_apart_keep_their_order(made: Callable[..., Path], tmp_path: Path) -> None:
    """As repaired timestamps are; Matroska's milliseconds would make them one."""
    channel = read(made("h264 in mp4"))
    tick = Fraction(1, 90_000)
    pictures = of("video", channel.packets)[:50]
    close = [replace(packet, pts=index, dts=index, time_base=tick) for index, packet in enumerate(pictures)]
    writer = spool(channel, tmp_path / "h", close)
    writer.close()
    with SpoolReader(writer.path, writer.times) as reader:
        back = [(bytes(item.packet), item.packet.pts, item.packet.dts) for item in reader.packets()]
    assert back == [(packet.data, packet.pts, packet.dts) for packet in close]


def test_the_template_is_not_touched(made: Callable[..., Path], tmp_path: Path) -> None:
    channel = read(made("h264 in mp4"))
    for name in ("one", "two"):
        writer = spool(channel, tmp_path / name)
        writer.close()
    assert (tmp_path / "one.mkv").stat().st_size == (tmp_path / "two.mkv").stat().st_size


# ---- without its picture ---------------------------------------------------------------------------------------------


def test_sound_whose_picture_does_not_begin_is_written_without_it(made: Callable[..., Path], tmp_path: Path) -> None:
    """After ten seconds, so that what waits for a keyframe is bounded; a picture that comes later is none of its business."""
    channel = read(made("h264 in ts", seconds=16))
    sounds = of("audio", channel.packets)
    writer = SpoolWriter(tmp_path / "h", channel.codecs.template)
    begun = [writer.base_seconds is not None for packet in sounds if writer.write(packet) is None]
    assert sounds[begun.index(True)].seconds - sounds[0].seconds == pytest.approx(MOST_EARLY_SECONDS, abs=0.1)
    assert writer.decoded_seconds == pytest.approx(sounds[-1].seconds)
    for packet in of("video", channel.packets):
        writer.write(packet)
    writer.close()
    assert writer.shortfall == "its picture is missing: the packet ring held no keyframe"
    with SpoolReader(writer.path, writer.times) as reader:
        assert list(reader.streams) == ["audio"]
        assert sum(1 for _ in reader.packets()) == len(sounds)


def test_what_waits_for_its_picture_at_the_end_is_written_too(made: Callable[..., Path], tmp_path: Path) -> None:
    channel = read(made("h264 in ts"))
    sounds = of("audio", channel.packets)[:100]
    writer = spool(channel, tmp_path / "h", sounds)
    assert writer.base_seconds is None
    writer.finish()
    assert writer.base_seconds == sounds[0].seconds
    assert len(data(writer.path, "audio")) == 100


def test_with_its_picture_nothing_is_missing(made: Callable[..., Path], tmp_path: Path) -> None:
    assert spool(read(made("h264 in ts")), tmp_path / "h").shortfall is None


def test_a_damaged_packet_costs_itself_alone(made: Callable[..., Path], tmp_path: Path) -> None:
    """Matroska takes no AAC whose header makes no sense. It is no fault of the disk's."""
    channel = read(made("h264 in ts"))
    packets = [
        replace(packet, data=b"\xff\x0f" + packet.data[2:]) if index == 90 else packet
        for index, packet in enumerate(channel.packets)
    ]
    assert packets[90].kind == "audio"
    writer = spool(channel, tmp_path / "h", packets)
    writer.close()
    assert writer.damaged == 1
    assert len(data(writer.path, "audio")) == len(of("audio", packets)) - 1
    assert len(data(writer.path)) == len(of("video", packets))
