"""What an encoder hears from us until it may publish."""

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.errors import SourceError
from stream_processor.sources.greeting import WELCOME, Greeting
from tests.sources.test_publish_check import HANDSHAKE, encoder

HELLO = HANDSHAKE[:1537]
ANSWER_BYTES = 1 + 1536 + 1536


def heard(greeting: Greeting, said: bytes, cuts: list[int]) -> bytes:
    edges = [0, *sorted(cut % (len(said) + 1) for cut in cuts), len(said)]
    return b"".join(greeting.feed(said[start:end]) for start, end in itertools.pairwise(edges))


def test_the_handshake_is_answered_as_soon_as_the_encoder_has_begun_it_and_echoed() -> None:
    greeting, hello = Greeting("live/key"), b"\x03" + bytes(range(256)) * 6
    assert greeting.feed(hello[:-1]) == b""
    answer = greeting.feed(hello[-1:])
    assert len(answer) == ANSWER_BYTES
    assert answer[:1] == b"\x03"
    assert answer[-1536:] == hello[1:]


@given(cuts=st.lists(st.integers(0, 10_000), max_size=8))
def test_it_hears_the_same_however_its_bytes_are_cut_and_all_of_them_are_kept(cuts: list[int]) -> None:
    said = encoder("live", "key")
    greeting = Greeting("live/key")
    answer = heard(greeting, said, cuts)
    assert answer == heard(Greeting("live/key"), said, [])
    assert greeting.is_accepted
    assert greeting.said == said
    assert answer.count(b"NetConnection.Connect.Success") == 1
    assert answer.count(b"_result") == 2
    assert b"Publish.Start" not in answer  # that has to wait for its turn
    assert WELCOME.count(b"NetStream.Publish.Start") == 1


@given(st.binary(max_size=5000), st.booleans())
def test_whatever_comes_is_answered_or_refused(data: bytes, after_handshake: bool) -> None:
    greeting = Greeting("live/key")
    with contextlib.suppress(SourceError):
        greeting.feed(HANDSHAKE + data if after_handshake else data)
    assert not greeting.is_accepted


def test_a_wrong_key_is_refused() -> None:
    with pytest.raises(SourceError, match="wrong app or stream key") as refusal:
        Greeting("live/key").feed(encoder("live", "guess"))
    assert refusal.value.reason == "refused"
