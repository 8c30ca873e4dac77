"""The real program with an operator beside it: Prometheus and a health check on its port, systemd on its notify socket.

::

    scorer     ───────────hangs════════════goes on────── SIGTERM
    /healthz   200 200 200 200 200 200 200 200 200 200     the event loop turns all the time
    /readyz    503 200 200 503 503 503 503 200 200
    systemd    READY W W W             ···          W W  STOPPING
"""

import contextlib
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.program import LIGHT, run, script, start

DEADLINE_SECONDS = 60.0
WATCHDOG_SECONDS = 1.0

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")]


class Systemd:
    """What listens on the other end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def await_field(self, name: str) -> dict[str, str]:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            fields = self._hear(deadline - time.monotonic())
            if name in fields:
                return fields
        raise AssertionError(f"{name} was not heard")

    def is_silent_for(self, seconds: float) -> bool:
        """Does no ping come in this time? It is just how systemd finds out."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if "WATCHDOG" in self._hear(left):
                return False
        return True

    def forget(self) -> None:
        """What has come so far."""
        while self._hear(0.001):
            pass

    def _hear(self, seconds: float) -> dict[str, str]:
        self._socket.settimeout(max(seconds, 0.001))
        try:
            text = self._socket.recv(4096).decode()
        except TimeoutError:
            return {}
        return dict(line.split("=", 1) for line in text.split("\n"))

    def close(self) -> None:
        self._socket.close()


class Watched:
    """The running program: what it says, and what it answers."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.said: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._readers = [threading.Thread(target=self._read, args=(pipe,)) for pipe in (process.stdout, process.stderr)]
        for reader in self._readers:
            reader.start()
        address = self.await_line("serves /metrics, /healthz and /readyz")
        found = re.search(r"address=(\S+)", address)
        assert found is not None
        self.url = f"http://{found[1]}"

    def _read(self, pipe: Any) -> None:
        for line in pipe:
            self._lines.put(line.decode().rstrip())
        self._lines.put("")  # it has ended

    def await_line(self, words: str) -> str:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            try:
                line = self._lines.get(timeout=max(deadline - time.monotonic(), 0.001))
            except queue.Empty:
                raise AssertionError(f"{words!r} was not said; instead: " + "\n".join(self.said)) from None
            self.said.append(line)
            if words in line:
                return line
            assert line or self.process.poll() is None, f"{words!r} was not said before it ended: " + "\n".join(self.said)

    def ask(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=DEADLINE_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def await_answer(self, path: str, status: int) -> str:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (answer := self.ask(path))[0] != status:
            assert time.monotonic() < deadline, f"{path} stays {answer}; said: " + "\n".join(self.said)
            time.sleep(0.05)
        return answer[1]

    def metric(self, name: str, **labels: str) -> float:
        families = text_string_to_metric_families(self.ask("/metrics")[1])
        (value,) = (
            one.value
            for family in families
            for one in family.samples
            if one.name == name and labels.items() <= one.labels.items()
        )
        return value

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE_SECONDS)
        for reader in self._readers:
            reader.join()
        while not self._lines.empty():
            self.said.append(self._lines.get())
        return code


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    systemd = Systemd(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", str(int(WATCHDOG_SECONDS * 1e6)))
    yield systemd
    systemd.close()


@contextlib.contextmanager
def watched(tmp_path: Path, *arguments: str | Path) -> Iterator[Watched]:
    out = ("--output", tmp_path / "out", "--metrics", "127.0.0.1:0")
    with start(*arguments, *out, "--ui", "plain", "--device", "cpu") as process:
        try:
            yield Watched(process)
        finally:
            process.kill()


def test_a_scorer_that_hangs_is_not_ready_and_ends_the_pings_until_it_goes_on(
    systemd: Systemd, made: Callable[..., Path], need_program: Callable[..., Path], tmp_path: Path
) -> None:
    film, flag = made("h264 in ts", seconds=60), tmp_path / "hangs"
    sections: dict[str, dict[str, Any]] = {
        "motion": {"kind": "tests.faults.stuck_parts:StuckScorer"},
        "motion.options": {"while_there": str(flag)},
        "health": {"hang_seconds": 2, "ready_seconds": 2},
    }
    config = script(tmp_path, [], **sections)
    with watched(tmp_path, "--stream", film, "--pace", "live", "--config", config) as program:
        assert systemd.await_field("READY")["STATUS"].startswith("1 channel: 1 ")
        systemd.await_field("WATCHDOG")
        program.await_answer("/readyz", 200)
        flag.touch()
        assert "nothing was scored for" in program.await_answer("/readyz", 503)
        assert "systemd starts the program again" in program.await_line("scoring hangs")
        systemd.forget()
        assert systemd.is_silent_for(1.5 * WATCHDOG_SECONDS)
        assert program.ask("/healthz") == (200, "ok\n")  # it is no fault of the loop
        flag.unlink()
        program.await_answer("/readyz", 200)
        systemd.await_field("WATCHDOG")
        program.await_line("the channel is scored again")
        channel = {"channel": film.stem}
        assert program.metric("clip_highlights_channel_state", state="live", **channel) == 1
        assert program.metric("clip_highlights_scoring_seconds_total", signal="motion", **channel) > 2
        assert program.metric("clip_highlights_panes_scored_total", **channel) > 0
        assert program.metric("clip_highlights_output_free_bytes") > 0
        command = [need_program("promtool"), "check", "metrics"]
        text = program.ask("/metrics")[1]
        assert subprocess.run(command, input=text, text=True, capture_output=True, timeout=60, check=False).stderr == ""
        assert program.end() == 0
        assert "EXTEND_TIMEOUT_USEC" not in systemd.await_field("STOPPING")
        systemd.await_field("EXTEND_TIMEOUT_USEC")


def test_an_event_loop_that_hangs_is_said_by_healthz_and_not_pinged_for(
    systemd: Systemd, made: Callable[..., Path], tmp_path: Path
) -> None:
    film, flag = made("h264 in ts", seconds=60), tmp_path / "hangs"
    sections: dict[str, dict[str, Any]] = {
        "sinks.stuck": {"kind": "tests.faults.stuck_parts:StuckSink"},
        "sinks.stuck.options": {"while_there": str(flag)},
        "health": {"loop_seconds": 1},
    }
    config = script(tmp_path, [], **sections)
    with watched(tmp_path, "--stream", film, "--pace", "live", "--config", config) as program:
        systemd.await_field("WATCHDOG")
        program.await_answer("/healthz", 200)
        flag.touch()
        assert "the event loop has stood still for" in program.await_answer("/healthz", 503)
        assert program.ask("/readyz")[0] == 503
        assert program.ask("/metrics")[0] == 200
        systemd.forget()
        assert systemd.is_silent_for(1.5 * WATCHDOG_SECONDS)
        flag.unlink()
        program.await_answer("/healthz", 200)
        systemd.await_field("WATCHDOG")
        program.await_line("the program stood still")
        assert program.end() == 0


def test_a_channel_that_waits_is_well_and_not_ready(systemd: Systemd, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: refused
        url = f"rtmp://127.0.0.1:{unused.getsockname()[1]}/live/SECRETKEY"
        with watched(tmp_path, "--stream", url, "--wait", "--set", "novelty.kind=light") as program:
            told = systemd.await_field("READY")["STATUS"]  # a service that waits has started
            for _ in range(3):
                systemd.await_field("WATCHDOG")
            assert ": waiting (" in program.await_answer("/readyz", 503)
            assert program.ask("/healthz") == (200, "ok\n")
            assert "SECRETKEY" not in told + program.ask("/readyz")[1] + program.ask("/metrics")[1]
            assert program.end() == 0
        assert not any("SECRETKEY" in line for line in program.said)


def test_a_port_that_is_taken_is_one_line_and_nothing_is_written(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        done = run("--stream", "demo", "--output", tmp_path / "out", "--metrics", address, *LIGHT)
    assert done.code == 1
    assert done.err.splitlines()[-1] == f"error: metrics cannot be served on {address}: Address already in use"
    assert not (tmp_path / "out").exists()


def test_an_address_that_is_none_is_one_line_and_nothing_is_written(tmp_path: Path) -> None:
    done = run("--stream", "demo", "--output", tmp_path / "out", "--metrics", "everywhere", *LIGHT)
    assert done.code == 2
    assert done.err.startswith("error: --metrics: metrics.listen = 'everywhere': must be HOST:PORT, for instance 127.0.0.1:9464")
    assert not (tmp_path / "out").exists()


def test_without_being_asked_nobody_is_served_and_prometheus_is_not_imported(tmp_path: Path) -> None:
    code = """
import sys
from stream_processor.app import watch
from stream_processor.operations.observing import Observing
print([name for name in ("prometheus_client", "stream_processor.operations.metrics") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout == "[]\n"
