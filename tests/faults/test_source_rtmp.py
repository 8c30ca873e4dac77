"""RTMP pulled from a real server, over a line that fails in every way. One intake stays: same run, next epoch.

encoder (ffmpeg) ─▶ nginx ─▶ gate ─▶ RtmpSource ─▶ Intake
"""

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stream_processor.intake import EpochNotice
from stream_processor.settings import SourceSettings
from stream_processor.sources.rtmp import RtmpSource
from tests.faults.watched import wait_until
from tests.peers.gate import Gate, gate
from tests.peers.nginx_rtmp import MODULE, nginx_rtmp
from tests.test_intake import Run

SECONDS: dict[str, Any] = {"open_timeout_seconds": 5.0, "read_timeout_seconds": 1.0, "poll_seconds": 0.5, "give_up_seconds": 60.0}


@contextlib.contextmanager
def encoding(ffmpeg: Path, film: Path, url: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Publishes without end, at the pace of life."""
    command = [ffmpeg, "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", film, "-c", "copy", "-f", "flv", url]
    with subprocess.Popen([str(word) for word in command], stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def film(made: Callable[..., Path]) -> Path:
    return made("h264 in flv")


@pytest.fixture
def nginx(need_program: Callable[..., Path]) -> Path:
    return need_program("nginx", MODULE)


@pytest.fixture
def line(need_program: Callable[..., Path], nginx: Path, film: Path, tmp_path: Path) -> Iterator[Gate]:
    """To a server with a stream on it."""
    ffmpeg = need_program("ffmpeg")
    with nginx_rtmp(nginx, tmp_path) as server, encoding(ffmpeg, film, server.url("key")), gate(server.port) as made:
        server.await_log("publish: name=")
        yield made


@contextlib.contextmanager
def running(source: RtmpSource, **settings: Any) -> Iterator[Run]:
    run = Run(source, wait=True, clock=time.monotonic, **{**SECONDS, **settings})
    run.intake.start()
    try:
        yield run
    finally:
        run.intake.stop()
        assert run.intake.join(30.0)
    assert run.intake.error is None


def source_at(port: int, **settings: Any) -> RtmpSource:
    return RtmpSource(f"rtmp://127.0.0.1:{port}/live/key", SourceSettings(**{**SECONDS, **settings}), wait=True)


def epochs(run: Run) -> list[EpochNotice]:
    return [notice for notice in list(run.notices) if isinstance(notice, EpochNotice)]


def await_epochs(run: Run, number: int) -> None:
    wait_until(lambda: len(epochs(run)) >= number, f"{number} epochs")


def test_a_connection_that_is_reset_is_lost_for_that_reason_and_the_session_goes_on_in_a_new_epoch(line: Gate) -> None:
    with running(source_at(line.port)) as run:
        await_epochs(run, 1)
        line.reset()
        await_epochs(run, 2)
    assert run.intake.reconnects == 1
    assert run.intake.reconnects_by_reason["reset"] == 1
    first, second = (notice.epoch for notice in epochs(run))
    assert (first.number, second.number) == (0, 1)
    assert second.start_seconds > first.start_seconds


def test_a_line_that_goes_dead_with_its_socket_open_is_a_stall_and_dialled_anew(line: Gate) -> None:
    with running(source_at(line.port, open_timeout_seconds=2.0), open_timeout_seconds=2.0) as run:
        await_epochs(run, 1)
        line.hold()
        wait_until(lambda: run.intake.reconnects_by_reason["stalled"], "a stall")
        line.reset()  # whatever was dialled meanwhile has gone dead, too
        await_epochs(run, 2)
    assert ("reconnecting", f"rtmp://127.0.0.1:{line.port}/live/***: no data for 2 s") in run.states
    assert run.intake.reconnects == 1


def test_a_server_that_is_killed_and_started_again_is_refused_meanwhile_and_found_again(
    need_program: Callable[..., Path], nginx: Path, film: Path, tmp_path: Path
) -> None:
    #  nginx     ████ killed            started ████
    #  encoder   ████ gone                        ████
    #  us        epoch 0 │ refused, refused …     epoch 1
    ffmpeg = need_program("ffmpeg")
    with contextlib.ExitStack() as first:
        server = first.enter_context(nginx_rtmp(nginx, tmp_path))
        first.enter_context(encoding(ffmpeg, film, server.url("key")))
        with running(source_at(server.port)) as run:
            await_epochs(run, 1)
            first.close()
            wait_until(lambda: run.intake.reconnects_by_reason["refused"] >= 2, "refusals")
            (tmp_path / "again").mkdir()
            with nginx_rtmp(nginx, tmp_path / "again", server.port) as again, encoding(ffmpeg, film, again.url("key")):
                await_epochs(run, 2)
    assert run.intake.reconnects >= 1  # the new server may send us away once more, before its encoder is there
    assert "Connection refused" in str(run.states)


def test_a_host_name_that_does_not_resolve_is_waited_for_and_one_that_does_later_is_found(line: Gate) -> None:
    failures = [socket.gaierror(socket.EAI_NONAME, "Name or service not known")] * 2

    def look_up(*arguments: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return socket.getaddrinfo(*arguments, **options)

    source = RtmpSource(f"rtmp://localhost:{line.port}/live/key", SourceSettings(**SECONDS), wait=True, look_up=look_up)
    with running(source) as run:
        await_epochs(run, 1)
    waiting = f"rtmp://localhost:{line.port}/live/***: the host name does not resolve (Name or service not known)"
    assert ("waiting", waiting) in run.states


def test_a_stream_that_has_ended_is_asked_for_again_and_then_over_without_an_error(
    need_program: Callable[..., Path], nginx: Path, film: Path, tmp_path: Path
) -> None:
    """The server is there and says that nobody publishes: that is an end. One that cannot be asked is a loss, see above."""
    short: dict[str, Any] = {"open_timeout_seconds": 1.0, "give_up_seconds": 1.0}
    with nginx_rtmp(nginx, tmp_path) as server:
        run = Run(source_at(server.port, **short), clock=time.monotonic, **{**SECONDS, **short})
        with encoding(need_program("ffmpeg"), film, server.url("key")):
            server.await_log("publish: name=")
            run.intake.start()
            await_epochs(run, 1)
        assert run.intake.join(60.0)
    assert run.intake.error is None
    assert run.states[-1] == ("ended", "")
    assert run.intake.reconnects_by_reason["stalled"] == 1  # nginx keeps who subscribed, and says nothing
