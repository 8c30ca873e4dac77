"""Standard input, played by a real pipe."""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream_processor.errors import ClipError, SourceEnded, SourceUnusable
from stream_processor.sources.pipe import PipeSource
from tests.sources.media_files import assert_same_stream, contents, packets_of

PROMPT_SECONDS = 5.0


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        with contextlib.suppress(OSError):  # the test did it
            os.close(end)


@pytest.mark.parametrize(
    "container",
    [["mpegts"], ["flv"], ["matroska"], ["mp4", "-movflags", "frag_keyframe+delay_moov+default_base_moof"]],
    ids=lambda options: options[0],
)
def test_a_pipe_gives_the_packets_of_the_file_behind_it(
    container: list[str], need_program: Callable[..., Path], media: Callable[[str], Path]
) -> None:
    file = media("gameplay_spaceshooter_24s.mp4")
    command = [str(need_program("ffmpeg")), "-v", "error", "-i", str(file), "-c", "copy", "-f", *container, "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        source = PipeSource(writer.stdout.fileno())
        packets = list(source.open().packets())
        with pytest.raises(SourceEnded):
            source.open()

    expected = packets_of(file)
    if container[0] == "mpegts":  # which writes packets in another form
        assert [len(contents(packets, kind)) for kind in ("video", "audio")] == [727, 1137]
    else:
        assert_same_stream(packets, expected)


def test_a_pipe_that_ends_before_it_began_is_empty(pipe: tuple[int, int]) -> None:
    os.close(pipe[1])

    with pytest.raises(SourceUnusable, match="standard input: empty"):
        PipeSource(pipe[0]).open()


def test_garbage_in_a_pipe_is_refused(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"no media here " * 400)
    os.close(pipe[1])

    with pytest.raises(SourceUnusable, match="standard input: not a media stream"):
        PipeSource(pipe[0]).open()


def test_a_standard_input_that_is_closed_is_refused_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)  # as Python has it after `main --stream - <&-`

    with pytest.raises(SourceUnusable, match="standard input: closed"):
        PipeSource().open()


def test_a_terminal_is_refused_with_a_hint() -> None:
    pty = pytest.importorskip("pty", reason="terminals are POSIX")
    master, slave = pty.openpty()
    try:
        with pytest.raises(SourceUnusable, match="pipe one in"):
            PipeSource(slave).open()
    finally:
        os.close(master)
        os.close(slave)


def test_closing_ends_an_open_that_waits_for_data(pipe: tuple[int, int]) -> None:
    source = PipeSource(pipe[0])
    errors: list[ClipError] = []
    thread = threading.Thread(target=_collect_error, args=(source, errors))
    thread.start()
    begin = time.monotonic()

    source.close()
    thread.join(PROMPT_SECONDS)

    assert not thread.is_alive()
    assert time.monotonic() - begin < PROMPT_SECONDS
    assert isinstance(errors[0], SourceEnded)


def test_closing_ends_a_read_that_waits_for_data(pipe: tuple[int, int], media: Callable[[str], Path]) -> None:
    feeder = threading.Thread(target=_write_and_hold, args=(pipe[1], media("srs_wallclock_119s.flv").read_bytes()[:1_500_000]))
    feeder.start()
    source = PipeSource(pipe[0])
    packets = source.open().packets()
    next(packets)
    reader = threading.Thread(target=lambda: list(packets))
    reader.start()
    feeder.join()  # all is written: the reader waits, or is about to

    source.close()
    reader.join(PROMPT_SECONDS)

    assert not reader.is_alive()
    with pytest.raises(SourceEnded):
        source.open()


def _collect_error(source: PipeSource, errors: list[ClipError]) -> None:
    try:
        source.open()
    except ClipError as error:
        errors.append(error)


def _write_and_hold(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
