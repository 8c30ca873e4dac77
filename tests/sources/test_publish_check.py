"""What encoders say before they publish, cut up in every way."""

import contextlib
import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.errors import SourceError
from stream_processor.sources.publish_check import PublishCheck

HANDSHAKE = b"\x03" + bytes(1536) + bytes(1536)
SET_CHUNK_SIZE, AMF0_COMMAND, AMF3_COMMAND = 1, 17, 20


def string(text: str) -> bytes:
    return b"\x02" + struct.pack(">H", len(text.encode())) + text.encode()


def number(value: float) -> bytes:
    return b"\x00" + struct.pack(">d", value)


def connect(app: str) -> bytes:
    properties = b"\x00\x03app" + string(app) + b"\x00\x05tcUrl" + string("rtmp://host/" + app)
    return string("connect") + number(1) + b"\x03" + properties + b"\x00\x00\x09"


def publish(key: str) -> bytes:
    return string("publish") + number(5) + b"\x05" + string(key) + string("live")


def message(type: int, payload: bytes, chunk_bytes: int, *, stream: int = 3, timestamp: int = 0) -> bytes:
    """One message as the chunks of RTMP: a full header, then headers that leave everything out."""
    if stream < 64:
        first, later = bytes([stream]), bytes([0xC0 | stream])
    else:
        first, later = bytes([0, stream - 64]), bytes([0xC0, stream - 64])
    long = struct.pack(">I", timestamp) if timestamp >= 0xFFFFFF else b""
    header = min(timestamp, 0xFFFFFF).to_bytes(3, "big") + len(payload).to_bytes(3, "big") + bytes([type]) + bytes(4)
    pieces = [payload[start : start + chunk_bytes] for start in range(0, len(payload), chunk_bytes)]
    return first + header + long + (later + long).join(pieces)


def encoder(app: str, key: str, *, chunk_bytes: int = 128, stream: int = 3, timestamp: int = 0) -> bytes:
    said = HANDSHAKE
    if chunk_bytes != 128:
        said += message(SET_CHUNK_SIZE, struct.pack(">I", chunk_bytes), 128, stream=2)
    for command in (connect(app), string("createStream") + number(4) + b"\x05", publish(key)):
        said += message(20, command, chunk_bytes, stream=stream, timestamp=timestamp)
    return said


def fed(check: PublishCheck, said: bytes, cuts: list[int]) -> PublishCheck:
    edges = [0, *sorted(cut % (len(said) + 1) for cut in cuts), len(said)]
    for start, end in itertools.pairwise(edges):
        check.feed(said[start:end])
    return check


texts = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="/"), min_size=1, max_size=300)


@given(
    key=texts,
    cuts=st.lists(st.integers(0, 10_000), max_size=8),
    chunk_bytes=st.sampled_from([1, 64, 128, 4096, 65536]),
    stream=st.sampled_from([3, 8, 63, 64, 300]),
    timestamp=st.sampled_from([0, 5, 0xFFFFFF, 0x12345678]),
)
def test_the_right_key_is_accepted_however_its_bytes_are_cut(
    key: str, cuts: list[int], chunk_bytes: int, stream: int, timestamp: int
) -> None:
    said = encoder("live", key, chunk_bytes=chunk_bytes, stream=stream, timestamp=timestamp)

    assert fed(PublishCheck(f"live/{key}"), said, cuts).is_accepted


@given(right=texts, wrong=texts, cuts=st.lists(st.integers(0, 10_000), max_size=8))
def test_another_key_is_refused_however_its_bytes_are_cut(right: str, wrong: str, cuts: list[int]) -> None:
    check = PublishCheck(f"live/{right}")
    if right == wrong:
        return

    with pytest.raises(SourceError, match="wrong app or stream key"):
        fed(check, encoder("live", wrong), cuts)
    assert not check.is_accepted


@given(st.binary(max_size=5000), st.booleans())
def test_whatever_comes_it_is_accepted_never_and_fails_in_no_other_way(data: bytes, after_handshake: bool) -> None:
    check = PublishCheck("live/key")
    with contextlib.suppress(SourceError):
        check.feed(HANDSHAKE + data if after_handshake else data)

    assert not check.is_accepted


def test_where_the_encoder_splits_app_and_key_does_not_matter() -> None:
    assert fed(PublishCheck("a/b/key?x=1"), encoder("a/b", "key?x=1"), []).is_accepted
    assert fed(PublishCheck("a/b/key?x=1"), encoder("a", "b/key?x=1"), []).is_accepted


def test_the_right_key_under_another_app_is_refused() -> None:
    with pytest.raises(SourceError):
        fed(PublishCheck("live/key"), encoder("other", "key"), [])


def test_who_never_publishes_is_refused_in_time() -> None:
    check = PublishCheck("live/key")
    check.feed(HANDSHAKE + message(20, connect("live"), 128))
    chatter = message(20, string("ping") + bytes(1000), 128)
    for _ in range(50):
        check.feed(chatter)

    with pytest.raises(SourceError, match="does not publish"):
        check.feed(chatter * 50)


def test_after_it_was_accepted_nothing_is_looked_at() -> None:
    check = fed(PublishCheck("live/key"), encoder("live", "key"), [])

    check.feed(bytes(200_000))

    assert check.is_accepted
