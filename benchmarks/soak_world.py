"""Everything that the soak's faults can strike: the program, its broker, its disk; and a subscriber who hears it all."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as paho

from benchmarks.paired import REPOSITORY, python, sizes_mb, surroundings

START_SECONDS = 10.0
"""Until a signal must be heard, however busy the machine is; on a quiet one it is half a second."""
END_SECONDS = 60.0
PREFIX = "soak"
CHANNEL = "listen-soak"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class End(NamedTuple):
    """How the program ended after SIGTERM. ``seconds``: how long that took. ``life_seconds``: how old it was.

    ``was_starting``: so young that Python had not told the system yet that the signal is to be heard. Nothing was open.
    """

    code: int
    seconds: float
    life_seconds: float
    was_starting: bool

    @property
    def is_in_order(self) -> bool:
        return self.code == 0 or (self.was_starting and self.code == -signal.SIGTERM and self.life_seconds < START_SECONDS)


class Program:
    """``main`` as an operator runs it, again and again. ``suspensions``: from when to when, monotonic seconds."""

    def __init__(self, arguments: Iterable[str | Path], log: Path) -> None:
        self._command = python("stream_processor", *arguments, "--ui", "json")
        self._log = log.open("ab")
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self.kills = 0
        self.ends: list[End] = []
        self.suspensions: list[tuple[float, float]] = []
        self.crashes: list[int] = []
        self.peak_mb = 0.0
        self.most_threads = 0
        self.most_files = 0
        self.samples: list[tuple[float, float]] = []

    def start(self) -> None:
        assert self._process is None
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(
            self._command,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=REPOSITORY,
            env=surroundings(),
        )

    def kill(self) -> None:
        process = self._take()
        if process.poll() is None:
            self.kills += 1
            process.kill()
        process.wait()

    def terminate(self) -> None:
        process = self._take()
        begun = time.monotonic()
        if process.poll() is not None:
            self.crashes.append(process.returncode)
            return
        was_starting = not _hears(process.pid, signal.SIGTERM)
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.ends.append(End(process.returncode, time.monotonic() - begun, begun - self._started_at, was_starting))

    def suspend(self, seconds: float) -> None:
        assert self._process is not None
        begun = time.monotonic()
        self._process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self._process.send_signal(signal.SIGCONT)
        self.suspensions.append((begun, time.monotonic()))

    def look(self) -> None:
        """Note its sizes, and start it again if it has died by itself, which is a crash."""
        assert self._process is not None
        if self._process.poll() is not None:
            self.crashes.append(self._process.returncode)
            self._process = None
            self.start()
            return
        pid = self._process.pid
        sizes = sizes_mb(pid)
        if sizes is not None:
            self.peak_mb = max(self.peak_mb, sizes[0])
            self.samples.append((time.monotonic(), sizes[1]))
        try:
            self.most_threads = max(self.most_threads, _count(f"/proc/{pid}/task"))
            self.most_files = max(self.most_files, _count(f"/proc/{pid}/fd"))
        except OSError:
            pass  # it has just ended

    def _take(self) -> "subprocess.Popen[bytes]":
        process, self._process = self._process, None
        assert process is not None
        return process


class Broker:
    """mosquitto, which writes down each change at once, so that its own kill loses nothing that it has acknowledged."""

    def __init__(self, mosquitto: str, folder: Path) -> None:
        self.port = free_port()
        self._mosquitto = mosquitto
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\npersistence_location {folder}/\n"
            "autosave_on_changes true\nautosave_interval 1\nmax_queued_messages 0\n",
            encoding="utf-8",
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.outages = 0

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._mosquitto, "-c", self._config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def stop(self, *, kill: bool = False) -> None:
        if self._process is not None:
            self.outages += 1
            self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            self._process.wait(20)
            self._process = None

    def hang(self, seconds: float) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self._process.send_signal(signal.SIGCONT)


class Subscriber:
    """Hears all alerts, over outages, in a session that the broker keeps. ``alerts``: (type, highlight id, payload), as heard."""

    def __init__(self, port: int) -> None:
        self.alerts: list[tuple[str, str, str]] = []
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="soak-listener", clean_session=False)
        self._client.reconnect_delay_set(0.2, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{PREFIX}/+/alerts", qos=1)
        self._client.on_message = self._heard
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _heard(self, _client: Any, _data: Any, message: Any) -> None:
        alert = json.loads(message.payload)
        self.alerts.append((alert["type"], alert["highlight"]["id"], json.dumps(alert["highlight"], sort_keys=True)))


class Disk:
    """The output's file system: a small one in memory where we may mount one, else the folder as it is, and nothing fills it."""

    def __init__(self, folder: Path, size_mb: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.can_be_filled = (
            hasattr(os, "geteuid")
            and os.geteuid() == 0
            and subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", folder], check=False).returncode == 0
        )
        self.times_full = 0

    def fill(self, seconds: float) -> None:
        self.times_full += 1
        ballast = self.folder / "ballast"
        try:
            with ballast.open("wb", buffering=0) as file:
                while file.write(b"\0" * 65536):
                    pass
        except OSError:
            pass  # full, as was meant
        time.sleep(seconds)
        ballast.unlink()

    def close(self) -> None:
        if self.can_be_filled:
            subprocess.run(["umount", "-l", self.folder], check=False)


def _count(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def _hears(pid: int, number: signal.Signals) -> bool:
    """Has the process said what it does on this signal? True, too, where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return True
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt:")), None)
    return caught is None or bool(int(caught, 16) >> (number - 1) & 1)
