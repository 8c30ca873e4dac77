"""Streams tell what they are made of; telling it again, or in other numbers, is no change."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.demux import AvDemuxer, open_container
from stream_processor.receiving.parameters import (
    NOTHING,
    differ,
    picture_header,
    picture_parameters,
    sound_header,
    sound_parameters,
)
from tests.changing_media import sequence_parameters

START = b"\0\0\0\1"
PICTURE = START + b"\x65\x88\x84\0\x33"
PPS_0, PPS_0_OTHER, PPS_1 = START + b"\x68\xce\x38\x80", START + b"\x68\xee\x38\x80", START + b"\x68\x5b\x83\x88"
SMALL, LARGE = sequence_parameters(320, 192), sequence_parameters(640, 384)


def h264(*units: bytes) -> object:
    return picture_parameters("h264", b"".join(units) + PICTURE, None)


def test_the_same_sets_in_another_order_are_the_same() -> None:
    assert h264(SMALL, PPS_0, PPS_1) == h264(SMALL, PPS_1, PPS_0)


def test_another_sequence_parameter_set_is_a_change_and_so_is_a_picture_set_that_means_something_else() -> None:
    known = h264(SMALL, PPS_0)
    assert differ(known, h264(LARGE, PPS_0))
    assert differ(known, h264(SMALL, PPS_0_OTHER))


def test_sets_that_alternate_under_their_own_numbers_are_no_change() -> None:
    assert not differ(h264(SMALL, PPS_0), h264(SMALL, PPS_1))


def test_sei_and_delimiters_and_keyframes_without_sets_say_nothing() -> None:
    delimiter, sei = START + b"\x09\xf0", START + b"\x06\x05\x02\x01\x02\x80"
    assert h264(delimiter, SMALL, PPS_0, sei) == h264(SMALL, PPS_0)
    assert h264() == NOTHING
    assert not differ(h264(SMALL, PPS_0), NOTHING)


def test_sets_after_the_picture_belong_to_nobody() -> None:
    assert picture_parameters("h264", SMALL + PPS_0 + PICTURE + LARGE, None) == h264(SMALL, PPS_0)


def test_hevc_under_the_name_of_h264_is_found_out_and_the_other_way_round() -> None:
    vps, sps = START + b"\x40\x01\x0c\x01\xff\xff", START + b"\x42\x01\x01\x01\x60\0\0\3"
    picture = START + b"\x26\x01\xaf"
    assert picture_parameters("h264", vps + sps + picture, None)["codec"] == "hevc"
    assert picture_parameters("hevc", SMALL + PPS_0 + PICTURE, None)["codec"] == "h264"


RECIPES = ["h264 in ts", "h264 in flv", "h264 in mp4", "hevc with open gops in ts", "hevc with open gops in mp4"]
RECIPES += ["vp8 and opus in webm", "vp9 and opus in webm", "av1 and opus in mkv", "mpeg2 and ac3 in ts"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recording_says_the_same_from_its_head_to_its_end(name: str, made: Callable[..., Path]) -> None:
    path = made(name)
    demuxer = AvDemuxer(open_container(str(path), name=path.name), name=path.name)
    assert demuxer.media.video is not None
    codec, extradata = demuxer.media.video.codec, demuxer.codecs.video.extradata
    known = picture_header(codec, extradata)
    keyframes = 0
    for raw in demuxer.packets():
        assert raw.changed is None
        if raw.kind == "video" and raw.is_key:
            found = picture_parameters(codec, raw.data, extradata)
            assert found or known, "this codec's headers were not understood"
            assert not differ(known, found)
            known, keyframes = {**known, **found}, keyframes + 1
    assert keyframes >= 3
    demuxer.close()


def test_a_sound_header_tells_rate_and_channels_and_nothing_of_the_frame() -> None:
    stereo = b"\xff\xf1\x4c\x80\x10\x1f\xfc"
    assert sound_parameters(stereo) == sound_parameters(b"\xff\xf1\x4c\x80\x2a\xbf\xfc")
    assert differ(sound_parameters(stereo), sound_parameters(b"\xff\xf1\x50\x80\x10\x1f\xfc"))  # 44,100 Hz
    assert differ(sound_parameters(stereo), sound_parameters(b"\xff\xf1\x4c\x40\x10\x1f\xfc"))  # one channel
    assert differ(sound_parameters(stereo), sound_parameters(b"\x0b\x77\0\0\x14\x40\x40\0"))  # AC-3


def test_joint_stereo_comes_and_goes_with_each_frame_of_mp3() -> None:
    assert sound_parameters(b"\xff\xfb\x90\x44\0\0\0") == sound_parameters(b"\xff\xfb\xb0\x04\0\0\0")


def test_an_audio_configuration_tells_of_rate_and_channels_alone() -> None:
    assert not differ(sound_header("aac", b"\x11\x90\x56\xe5\0"), sound_header("aac", b"\x11\x90"))
    assert differ(sound_header("aac", b"\x11\x90"), sound_header("aac", b"\x12\x08"))


@given(
    st.sampled_from(["h264", "hevc", "mpeg2video", "vp8", "vp9", "av1", "theora"]), st.binary(max_size=80), st.binary(max_size=60)
)
def test_no_bytes_are_too_odd(codec: str, data: bytes, extradata: bytes) -> None:
    for found in (
        picture_parameters(codec, data, extradata),
        picture_parameters(codec, data, None),
        picture_header(codec, b"\1" + extradata),
        sound_parameters(data),
        sound_header("aac", data),
    ):
        assert not differ(found, found)
