"""``main doctor`` on what is around the program: real folders, a real broker, real ports."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream_processor.commands import surroundings
from stream_processor.commands.doctor import line
from stream_processor.commands.finding import Finding
from stream_processor.settings import Settings
from tests.peers.broker import Broker


def settings(**sections: dict[str, object]) -> Settings:
    return Settings.model_validate(sections)


def levels(findings: Iterator[Finding]) -> list[str]:
    return [finding.level for finding in findings]


@pytest.fixture
def broker(need_program: Callable[..., Path], tmp_path: Path) -> Iterator[int]:
    """The port of a real mosquitto that lets only anna in."""
    users = tmp_path / "users"
    subprocess.run([need_program("mosquitto_passwd"), "-b", "-c", users, "anna", "right"], check=True, capture_output=True)
    broker = Broker(need_program("mosquitto"), tmp_path, f"password_file {users}")
    broker.start()
    yield broker.port
    broker.stop()


def test_the_output_folder_is_looked_at_and_not_made(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert levels(surroundings.output(settings(output={"folder": folder}))) == ["ok"]
    assert list(tmp_path.iterdir()) == []


def test_too_little_room_is_a_failure(tmp_path: Path) -> None:
    (finding,) = surroundings.output(settings(output={"folder": tmp_path, "min_free_mb": 1e12}))
    assert finding.level == "fail"
    assert "make room" in finding.hint


def test_a_broker_that_answers_is_fine(broker: int) -> None:
    assert levels(surroundings.broker(settings(mqtt={"url": f"mqtt://anna:right@127.0.0.1:{broker}"}))) == ["ok"]


def test_a_wrong_password_is_a_warning_without_the_password(broker: int) -> None:
    (finding,) = surroundings.broker(settings(mqtt={"url": f"mqtt://anna:WRONG@127.0.0.1:{broker}"}))
    assert finding.level == "warn"
    assert "WRONG" not in line(finding)


def test_a_broker_that_is_not_there_is_a_warning_since_alerts_wait() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: refused
        (finding,) = surroundings.broker(settings(mqtt={"url": f"mqtt://127.0.0.1:{unused.getsockname()[1]}"}))
    assert (finding.level, finding.hint) == ("warn", "alerts will wait in the outbox until it answers")


def test_a_broker_s_address_that_is_none_is_a_failure() -> None:
    assert levels(surroundings.broker(settings(mqtt={"url": "http://h"}))) == ["fail"]


def test_a_clock_that_is_set_is_said(tmp_path: Path) -> None:
    (finding,) = surroundings.clock(settings(output={"folder": tmp_path}))
    assert finding.level == "ok"
    assert finding.text.startswith("clock: 20")


def test_a_clock_that_begins_in_1970_is_a_warning(tmp_path: Path) -> None:
    (finding,) = surroundings.clock(settings(output={"folder": tmp_path}), now=100.0)
    assert finding.level == "warn"
    assert finding.text.startswith("clock: 1970-01-01 00:01:40 UTC, but this program was installed at 20")


def test_a_journal_from_the_future_is_a_warning(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite3"
    journal.touch()
    assert levels(surroundings.clock(settings(output={"folder": tmp_path}))) == ["ok"]
    os.utime(journal, (4e9, 4e9))
    (finding,) = surroundings.clock(settings(output={"folder": tmp_path}))
    assert "but the journal was last written at 2096-" in finding.text


def test_a_port_for_metrics_that_is_free_is_fine_and_one_that_is_taken_a_failure() -> None:
    assert levels(surroundings.metrics(settings())) == []
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        (finding,) = surroundings.metrics(settings(metrics={"listen": address}))
    assert finding.level == "fail"
    assert finding.text == f"metrics cannot be served on {address}: Address already in use"
    assert levels(surroundings.metrics(settings(metrics={"listen": address}))) == ["ok"]
