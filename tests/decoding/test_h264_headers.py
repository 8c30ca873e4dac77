"""Slice headers as a real encoder wrote them, and as nobody would."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.decoding.h264_headers import H264Headers, RefList, Slice, Unreadable
from tests.x264_streams import x264


def headers(folder: Path, name: str, container: str = ".mp4") -> list[list[Slice]]:
    channel = x264(folder, name, container=container, seconds=2)
    assert channel.codecs.video is not None
    reader = H264Headers(channel.codecs.video.extradata)
    return [list(reader.slices(packet.data)) for packet in channel.packets]


@pytest.mark.parametrize("container", [".mp4", ".ts"])
def test_a_p_slice_names_what_it_refers_to_where_that_is_not_the_newest(tmp_path: Path, container: str) -> None:
    """
    decoded    I0  P4  B2  b1  b3  P8
    frame_num  0   1   2   3   3   3      P8 refers to P4, past B2
    """
    pictures = headers(tmp_path, "one reference", container)[:6]
    assert [picture[0].frame_num for picture in pictures] == [0, 1, 2, 3, 3, 3]
    assert [len(picture[0].lists) for picture in pictures] == [0, 1, 2, 2, 2, 1]
    assert [picture[0].is_bidirectional for picture in pictures] == [False, False, True, True, True, False]
    assert pictures[5][0].lists == (RefList(active=1, named=(1,)),)


def test_each_slice_of_a_picture_is_read(tmp_path: Path) -> None:
    assert {len(picture) for picture in headers(tmp_path, "one reference, slices")} == {3}


def test_lists_are_as_long_as_the_slice_or_its_parameters_say(tmp_path: Path) -> None:
    lists = [entries for picture in headers(tmp_path, "three references") for entries in picture[0].lists]
    assert {entries.active for entries in lists} >= {1, 2, 3}


def test_fields_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="fields"):
        headers(tmp_path, "interlaced")


@given(st.binary(max_size=120), st.one_of(st.none(), st.binary(max_size=60)))
def test_headers_of_any_bytes_are_read_or_refused(data: bytes, extradata: bytes | None) -> None:
    for prefix in (b"", b"\0\0\1\x67\x42\0\x1e", b"\0\0\1\x68", b"\0\0\1\x65"):
        try:
            H264Headers(extradata).slices(prefix + data)
        except Unreadable:
            continue
