"""Packets out of real containers, and what outlives the container they came from."""

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import av.error
import pytest

from stream_processor.demux import AvDemuxer, open_container
from stream_processor.errors import SourceEnded, SourceError, SourceUnusable
from stream_processor.records import RawPacket
from tests.media_maker import FPS, RECIPES


def demuxer(path: Path) -> AvDemuxer:
    return AvDemuxer(open_container(str(path), name=path.name), name=path.name)


def encoded(packet: RawPacket) -> Any:
    made = av.Packet(packet.data)
    made.pts, made.dts, made.time_base, made.duration = packet.pts, packet.dts, packet.time_base, packet.duration
    return made


def frames(part: AvDemuxer, packets: list[RawPacket]) -> int:
    decoder = part.codecs.video
    assert decoder is not None
    pictures = [encoded(packet) for packet in packets if packet.kind == "video"]
    return sum(len(decoder.decode(packet)) for packet in [*pictures, None])


# ---- packets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", [name for name, recipe in RECIPES.items() if recipe.video and recipe.audio])
def test_every_packet_comes_once_in_the_containers_order(made: Callable[..., Path], recipe: str) -> None:
    path = made(recipe)
    with av.open(str(path)) as container:
        expected = [(packet.stream.type, bytes(packet), packet.pts) for packet in container.demux() if packet.size]
    part = demuxer(path)
    assert [(packet.kind, packet.data, packet.pts) for packet in part.packets()] == expected
    part.close()


@pytest.mark.parametrize("recipe", [name for name, recipe in RECIPES.items() if recipe.video])
def test_the_decoder_works_after_the_container_is_closed(made: Callable[..., Path], recipe: str) -> None:
    part = demuxer(made(recipe))
    packets = list(part.packets())
    part.close()
    assert frames(part, packets) == 8 * FPS


def test_the_template_muxes_after_the_container_is_closed(made: Callable[..., Path], tmp_path: Path) -> None:
    part = demuxer(made("av1 and opus in mkv"))
    packets = list(part.packets())
    part.close()
    with av.open(str(tmp_path / "out.mp4"), "w") as output:
        streams = {
            kind: output.add_stream_from_template(stream, opaque=True) for kind, stream in part.codecs.template.streams.items()
        }
        for packet in packets:
            item = encoded(packet)
            item.stream, item.is_keyframe = streams[packet.kind], packet.is_key
            output.mux(item)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 8 * FPS


def test_it_says_what_the_part_carries(made: Callable[..., Path]) -> None:
    part = demuxer(made("h264 in mp4"))
    video, audio = part.media.video, part.media.audio
    assert video is not None
    assert audio is not None
    assert (video.codec, video.width, video.height, video.fps) == ("h264", 192, 96, 25.0)
    assert (audio.codec, audio.sample_rate, audio.channels) == ("aac", 48_000, 2)
    assert part.duration_seconds == pytest.approx(8.0, abs=0.05)
    part.close()


def test_codecs_have_their_own_names_not_their_decoders(made: Callable[..., Path], media: Callable[[str], Path]) -> None:
    av1 = demuxer(made("av1 and opus in mkv"))
    sintel = demuxer(media("sintel_trailer_480p.mp4"))
    assert av1.media.video is not None
    assert sintel.media.audio is not None
    assert (av1.media.video.codec, sintel.media.audio.codec) == ("av1", "mp3")
    av1.close()
    sintel.close()


def test_one_picture_and_one_sound_are_taken_and_the_others_named(media: Callable[[str], Path]) -> None:
    part = demuxer(media("nasa_13013.mp4"))
    assert (part.media.video is not None, part.media.audio is not None) == (True, True)
    assert part.skipped == ["video stream 0", "audio stream 1"]
    assert {packet.kind for packet in part.packets()} == {"video", "audio"}
    part.close()


def test_a_cover_picture_is_no_video(made: Callable[..., Path], tmp_path: Path) -> None:
    cover, song = tmp_path / "cover.jpg", tmp_path / "song.mkv"
    av.VideoFrame(64, 64, "rgb24").to_image().save(cover)  # type: ignore[no-untyped-call]
    with av.open(str(made("sound alone"))) as source, av.open(str(song), "w") as output:
        audio = output.add_stream_from_template(source.streams.audio[0])
        output.add_attachment("cover.jpg", "image/jpeg", cover.read_bytes())
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = audio
                output.mux(packet)
    part = demuxer(song)
    assert part.media.video is None
    assert {packet.kind for packet in part.packets()} == {"audio"}
    part.close()


def test_a_codec_that_matroska_refuses_gets_a_template_all_the_same(media: Callable[[str], Path]) -> None:
    part = demuxer(media("odd/vp6_noaudio.flv"))
    assert part.codecs.template.format == "nut"
    part.close()


def test_a_picture_of_unknown_codec_leaves_the_sound(media: Callable[[str], Path]) -> None:
    part = demuxer(media("odd/media3_ts/sample_ait.ts"))
    assert part.media.video is None
    assert part.media.audio is not None
    part.close()


# ---- what cannot be read ---------------------------------------------------------------------------------------------


def test_nothing_that_can_be_decoded_is_unusable(media: Callable[[str], Path]) -> None:
    path = media("odd/media3_ts/sample_ac4.ts")
    with pytest.raises(SourceUnusable, match=r"^sample_ac4\.ts: no video or audio stream that can be decoded$"):
        demuxer(path)


@pytest.mark.parametrize(
    ("content", "error", "reason"),
    [
        (None, SourceUnusable, "No such file or directory"),
        (b"", SourceError, "empty|not a media stream"),
        (b"This is no media file. " * 500, SourceUnusable, "not a media stream that can be read"),
        (bytes(100_000), SourceUnusable, "not a media stream that can be read"),
    ],
    ids=["missing", "empty", "text", "zeros"],
)
def test_a_file_that_cannot_be_read_says_so_in_one_line(
    tmp_path: Path, content: bytes | None, error: type[SourceError], reason: str
) -> None:
    path = tmp_path / "x.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=reason) as raised:
        demuxer(path)
    assert str(raised.value).startswith("x.bin: ")
    assert "\n" not in str(raised.value)


def test_an_address_in_an_error_has_no_secret_in_it() -> None:
    address = "rtmp://127.0.0.1:1/live/streamkey123"
    with pytest.raises(SourceError) as raised:
        open_container(address, name=address, open_timeout_seconds=2)
    assert "streamkey123" not in str(raised.value)
    assert "127.0.0.1" in str(raised.value)


class Breaks:
    """A file of which no more can be read after ``most`` bytes: a connection that was lost."""

    def __init__(self, path: Path, most: int, error: OSError | None) -> None:
        self._content = path.read_bytes()[:most]
        self._at = 0
        self._error = error

    def read(self, size: int) -> bytes:
        block = self._content[self._at : self._at + min(size, 4096)]
        self._at += len(block)
        if not block and self._error is not None:
            raise self._error
        return block


def test_a_connection_that_breaks_is_a_source_error_after_all_that_came(made: Callable[..., Path]) -> None:
    lost = Breaks(made("h264 in ts"), 100_000, OSError(errno.ECONNRESET, "Connection reset by peer"))
    part = AvDemuxer(open_container(lost, name="live", format="mpegts"), name="live")
    packets: list[RawPacket] = []
    with pytest.raises(SourceError, match="live: Connection reset by peer"):
        packets.extend(part.packets())
    assert len(packets) > 20
    part.close()


def test_a_stream_that_just_stops_is_at_its_end(made: Callable[..., Path]) -> None:
    part = AvDemuxer(open_container(Breaks(made("h264 in ts"), 100_000, None), name="live", format="mpegts"), name="live")
    assert len(list(part.packets())) > 20
    part.close()


def test_nothing_at_all_is_the_streams_end() -> None:
    with pytest.raises(SourceEnded, match="live: empty"):
        open_container(SimpleNamespace(read=lambda size: b""), name="live", format="flv")


# ---- closing ---------------------------------------------------------------------------------------------------------


def test_close_from_another_thread_ends_a_blocked_read_at_the_next_byte(made: Callable[..., Path]) -> None:
    content = made("h264 in ts").read_bytes()
    blocked, released = threading.Event(), threading.Event()

    class Stalls:
        at = 0

        def read(self, size: int) -> bytes:
            if self.at > len(content) // 2:
                blocked.set()
                assert released.wait(30)
            block = content[self.at : self.at + 1000]
            self.at += len(block)
            return block

    part = AvDemuxer(open_container(Stalls(), name="live", format="mpegts"), name="live")
    packets: list[RawPacket] = []
    reader = threading.Thread(target=lambda: packets.extend(part.packets()))
    reader.start()
    assert blocked.wait(30)
    part.close()
    released.set()
    reader.join(30)
    assert not reader.is_alive()
    part.close()


def test_after_close_there_are_no_packets(made: Callable[..., Path]) -> None:
    part = demuxer(made("h264 in mp4"))
    part.close()
    part.close()
    assert list(part.packets()) == []
