"""Units built byte by byte, and what real encoders wrote."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.decoding.nal import UNKNOWN, Reach, length_bytes_of, reach_reader, units
from tests.channel import read

AVCC = bytes([1, 100, 0, 31, 0xFF, 0xE1])
HVCC = bytes([1, *[0] * 20, 0xFF, 0])
ALONE, FRESH, NEEDED = Reach(True, False), Reach(False, True), Reach(False, False)


def annex_b(*parts: bytes) -> bytes:
    return b"".join(b"\0\0\0\1" + part for part in parts)


def avcc(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def h264(kind: int, importance: int) -> bytes:
    return bytes([importance << 5 | kind, 0x80, 1, 2, 3])


def hevc(kind: int, layer: int = 0) -> bytes:
    return bytes([kind << 1, layer + 1, 0x80, 1])


SEI, PARAMETERS = h264(6, 0), h264(7, 3)


@pytest.mark.parametrize(
    ("picture", "reach"),
    [(h264(1, 0), ALONE), (h264(1, 1), NEEDED), (h264(1, 3), NEEDED), (h264(5, 3), FRESH), (h264(2, 0), ALONE)],
)
def test_an_h264_picture_says_in_its_first_byte_whether_others_refer_to_it(picture: bytes, reach: Reach) -> None:
    for extradata, joined in ((None, annex_b(SEI, PARAMETERS, picture)), (AVCC, avcc(SEI, PARAMETERS, picture))):
        reader = reach_reader("h264", extradata)
        assert reader is not None
        assert reader(joined) == reach


@pytest.mark.parametrize(
    ("kind", "reach"),
    [(0, ALONE), (1, NEEDED), (8, ALONE), (9, NEEDED), (14, ALONE), (16, FRESH), (19, FRESH), (20, FRESH), (21, NEEDED)],
)
def test_an_hevc_picture_says_it_by_its_kind(kind: int, reach: Reach) -> None:
    for extradata, joined in ((None, annex_b(hevc(32), hevc(39), hevc(kind))), (HVCC, avcc(hevc(32), hevc(kind)))):
        reader = reach_reader("hevc", extradata)
        assert reader is not None
        assert reader(joined) == reach


def test_hevc_pictures_below_the_highest_temporal_layer_may_be_referred_to_from_above() -> None:
    reader = reach_reader("hevc", None)
    assert reader is not None
    assert [reader(annex_b(hevc(0, layer))) for layer in (0, 1, 0, 1)] == [ALONE, ALONE, NEEDED, ALONE]


def test_of_codecs_that_know_no_references_each_picture_is_alone_and_of_others_nothing_is_told() -> None:
    mjpeg = reach_reader("mjpeg", None, intra_only=True)
    assert mjpeg is not None
    assert mjpeg(b"") == Reach(True, True)
    assert reach_reader("vp9", None) is None


@given(st.binary(max_size=200), st.sampled_from(["h264", "hevc"]), st.sampled_from([None, b"", AVCC, HVCC]))
def test_bytes_that_make_no_sense_are_nothing_to_trust_and_nothing_to_stumble_over(
    data: bytes, codec: str, extradata: bytes | None
) -> None:
    reader = reach_reader(codec, extradata)
    assert reader is not None
    assert reader(data) in (UNKNOWN, ALONE, FRESH)
    assert all(0 <= at < len(data) for at in units(data, length_bytes_of(codec, extradata)))


@pytest.mark.parametrize("recipe", ["h264 in mp4", "h264 in ts", "h264 in flv", "h264 in mkv", "hevc with open gops in ts"])
def test_what_encoders_write_is_understood_in_every_container(made: Callable[..., Path], recipe: str) -> None:
    channel = read(made(recipe))
    codec = "hevc" if "hevc" in recipe else "h264"
    assert channel.codecs.video is not None
    reader = reach_reader(codec, channel.codecs.video.extradata)
    assert reader is not None
    pictures = [packet for packet in channel.packets if packet.kind == "video"]
    reaches = [reader(packet.data) for packet in pictures]
    assert reaches[0] == (FRESH if codec == "h264" else reaches[0])
    assert 0.3 < sum(reach.is_alone for reach in reaches) / len(reaches) < 0.9
    assert all(packet.is_key for packet, reach in zip(pictures, reaches, strict=True) if reach.is_fresh)
