import threading
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processor.errors import SourceEnded, SourceError
from stream_processor.sources.streams.parts import Parts

CUT = None


def made(max_bytes: int = 1000, silence_seconds: float = 10.0) -> Parts:
    return Parts("a stream", max_bytes=max_bytes, silence_seconds=silence_seconds)


def everything_in(parts: Parts, size: int) -> list[bytes]:
    """Each part's bytes, until the stream ends."""
    found = []
    while True:
        try:
            file = parts.next_part()
        except SourceEnded:
            return found
        data = b""
        while chunk := file.read(size):
            assert len(chunk) <= size
            data += chunk
        found.append(data)


@given(st.lists(st.one_of(st.just(CUT), st.binary(max_size=5))), st.integers(1, 4), st.integers(1, 8))
def test_each_part_is_what_was_written_between_two_cuts(written: list[bytes | None], size: int, max_bytes: int) -> None:
    parts = made(max_bytes)

    def write() -> None:
        for item in written:
            parts.cut() if item is CUT else parts.write(item)
        parts.end()

    writer = threading.Thread(target=write)
    writer.start()
    found = everything_in(parts, size)
    writer.join()

    runs = [b"".join(item for item in run if item) for is_cut, run in groupby(written, lambda item: item is CUT) if not is_cut]
    assert found == [run for run in runs if run]


def test_the_writer_waits_while_the_queue_is_full() -> None:
    parts, has_written = made(max_bytes=4), threading.Event()
    parts.write(b"1234")

    def write() -> None:
        parts.write(b"5678")
        has_written.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert not has_written.wait(0.05)
    assert parts.next_part().read(4) == b"1234"
    assert has_written.wait(5)
    writer.join()


def test_what_is_left_of_a_part_is_thrown_away_when_the_next_is_asked_for() -> None:
    parts = made()
    parts.write(b"first")
    parts.cut()
    parts.write(b"second")
    old = parts.next_part()
    assert old.read(2) == b"fi"
    assert parts.next_part().read(10) == b"second"
    assert old.read(10) == b""


def test_a_part_that_was_cut_is_whole_even_if_the_stream_breaks_off_later() -> None:
    parts = made()
    parts.write(b"whole")
    parts.cut()
    parts.write(b"broken")
    parts.end(SourceError("gone"))
    whole = parts.next_part()
    assert whole.read(10) == b"whole"
    assert whole.error is None
    assert not parts.is_lost
    broken = parts.next_part()
    assert broken.read(10) == b"broken"
    assert str(broken.error) == "gone"
    assert parts.is_lost
    with pytest.raises(SourceError, match="gone"):
        parts.next_part()


def test_silence_ends_the_stream_as_lost() -> None:
    parts = made(silence_seconds=0.05)
    parts.write(b"something")
    file = parts.next_part()
    assert file.read(100) == b"something"
    assert file.read(100) == b""
    assert str(file.error) == "a stream: no data for 0.05 s"


def test_a_cut_is_a_sign_of_life() -> None:
    """An ad break is long and brings no bytes."""
    parts = made(silence_seconds=0.4)
    ads_are_over = threading.Event()

    def ads() -> None:
        for _ in range(8):
            ads_are_over.wait(0.1)
            parts.cut()
        parts.write(b"content")

    writer = threading.Thread(target=ads)
    writer.start()
    assert parts.next_part().read(100) == b"content"
    writer.join()


@pytest.mark.parametrize("full", [True, False])
def test_closing_wakes_both_sides(full: bool) -> None:
    parts = made(max_bytes=1)
    parts.write(b"x")
    file = parts.next_part()
    if not full:
        file.read(1)
    side = threading.Thread(target=lambda: parts.write(b"y") if full else file.read(1))
    side.start()
    parts.close()
    side.join(5)
    assert not side.is_alive()
    with pytest.raises(SourceEnded):
        parts.next_part()


def test_a_bug_in_the_downloading_thread_comes_up_in_the_reading_one() -> None:
    parts = made()
    parts.end(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        parts.next_part()
