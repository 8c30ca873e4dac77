"""Asking the hub and fetching from it, against a hub on loopback: an answer, no answer, silence."""

import socket
import time
from pathlib import Path

import pytest

from scorers import fetch
from tests.scorers.hub import hub


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_hub_that_answers_anything_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    with hub({}) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        assert fetch.can_reach_hub()


def test_a_refused_connection_is_no_hub(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed_port}")
    assert not fetch.can_reach_hub()


def test_a_hub_that_stays_silent_is_given_up_within_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        start = time.monotonic()
        assert not fetch.can_reach_hub()
        assert time.monotonic() - start < 2


def test_the_hubs_own_offline_switch_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with hub({}) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        assert not fetch.can_reach_hub()


def test_the_first_file_that_there_is_is_brought_into_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with hub({"someone/model/b.bin": b"weights", "someone/model/c.bin": b"others"}) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        assert fetch.download("someone/model", ["a.bin", "b.bin", "c.bin"], timeout_seconds=60) is None
    found = [path for path in tmp_path.rglob("*.bin") if path.read_bytes() == b"weights"]
    assert [path.name for path in found] == ["b.bin"]


def test_a_repository_without_the_files_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with hub({}) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        reason = fetch.download("someone/model", ["a.bin"], timeout_seconds=60)
    assert reason == "someone/model: has none of a.bin"


def test_a_download_that_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert fetch.download("someone/model", ["a.bin"], timeout_seconds=0.5) == "not done within 0.5 s"


def test_wrong_arguments_are_told() -> None:
    assert fetch.main(["neither"]) == "reach, download REPO FILE..., or file ADDRESS PATH"


def test_one_file_comes_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(range(256)) * 100
    with hub({"some/file": content}) as address:
        path = tmp_path / "new folder" / "file"
        assert fetch.download_file(f"{address}/some/file", path, 30) is None
        assert path.read_bytes() == content
        assert (
            fetch.download_file(f"{address}/some/other", tmp_path / "other", 30)
            == f"{address}/some/other: HTTP Error 404: Not Found"
        )
    assert not (tmp_path / "other").exists()


def test_a_file_much_too_large_is_not_kept(tmp_path: Path) -> None:
    with hub({"large": b"\0" * (fetch.MAX_FILE_BYTES + 1)}) as address:
        failure = fetch.download_file(f"{address}/large", tmp_path / "large", 60)
    assert failure == f"{address}/large: more than {fetch.MAX_FILE_BYTES} bytes"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["", "nonsense", "http://[half", "gopher://127.0.0.1/"])
def test_an_address_that_is_none_is_one_line(address: str, tmp_path: Path) -> None:
    failure = fetch.download_file(address, tmp_path / "file", 30)
    assert failure is not None
    assert failure.startswith(f"{address}: ")
    assert "\n" not in failure
