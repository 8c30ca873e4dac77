"""One keyframe, a few frames of sound: enough to know what the stream has become, and to decode and mux it."""

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from stream_processor.demux import AvDemuxer, open_container
from stream_processor.receiving.reprobe import probe_picture, probe_sound
from stream_processor.records import RawPacket
from tests.changing_media import with_size

PICTURES = ["h264 in ts", "h264 in flv", "h264 in mkv", "hevc with open gops in ts", "hevc with open gops in mp4"]
PICTURES += ["vp8 and opus in webm", "vp9 and opus in webm", "av1 and opus in mkv", "mpeg2 and ac3 in ts"]


def demuxed(path: Path) -> tuple[AvDemuxer, list[RawPacket]]:
    demuxer = AvDemuxer(open_container(str(path), name=path.name), name=path.name)
    packets = list(demuxer.packets())
    demuxer.close()
    return demuxer, packets


@pytest.mark.parametrize("name", PICTURES)
def test_a_keyframe_is_enough_for_the_picture(name: str, made: Callable[..., Path]) -> None:
    demuxer, packets = demuxed(made(name))
    assert demuxer.media.video is not None
    keyframe = next(raw for raw in packets if raw.kind == "video" and raw.is_key)
    found = probe_picture(demuxer.media.video.codec, keyframe.data, demuxer.codecs.video.extradata)
    assert found is not None
    media, codecs = found
    assert (media.codec, media.width, media.height) == (
        demuxer.media.video.codec,
        demuxer.media.video.width,
        demuxer.media.video.height,
    )
    assert codecs.video.pix_fmt == demuxer.codecs.video.pix_fmt
    frames = [*codecs.video.decode(av.Packet(keyframe.data)), *codecs.video.decode(None)]
    assert [(frame.width, frame.height) for frame in frames] == [(media.width, media.height)]


@pytest.mark.parametrize("name", ["h264 in ts", "h264 in flv", "mpeg2 and ac3 in ts", "sound alone"])
def test_a_few_frames_are_enough_for_the_sound(name: str, made: Callable[..., Path]) -> None:
    demuxer, packets = demuxed(made(name))
    sounds = [raw.data for raw in packets if raw.kind == "audio"]
    assert demuxer.media.audio is not None
    found = probe_sound(demuxer.media.audio.codec, sounds[:3], demuxer.codecs.audio.extradata)
    assert found is not None
    assert found[0] == demuxer.media.audio
    assert sum(len(found[1].audio.decode(av.Packet(data))) for data in sounds[:10]) >= 9


def test_a_picture_of_gigabytes_tells_its_size_and_takes_no_memory(made: Callable[..., Path]) -> None:
    _, packets = demuxed(made("h264 in ts"))
    keyframe = next(raw for raw in packets if raw.kind == "video" and raw.is_key)
    found = probe_picture("h264", with_size(keyframe.data, 16000, 16000), None)
    assert found is not None
    assert (found[0].width, found[0].height) == (16000, 16000)


@pytest.mark.parametrize("codec", ["h264", "hevc", "mpeg2video", "av1", "vp9", "theora"])
def test_noise_is_nothing(codec: str) -> None:
    assert probe_picture(codec, bytes(range(256)), None) is None
    assert probe_sound("aac", [bytes(range(256))] * 3, None) is None
