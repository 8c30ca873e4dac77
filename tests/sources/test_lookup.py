"""Host names that resolve, do not, or hang the asking thread."""

import socket
import threading
import time
from typing import Any

import pytest

from stream_processor.sources.lookup import LookUp

PATIENCE_SECONDS = 30.0
FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 1935))]


def test_a_name_that_resolves_is_asked_for_anew_each_time() -> None:
    asked: list[Any] = []

    def ask(*arguments: Any, **_: Any) -> Any:
        asked.append(arguments)
        return FOUND

    look_up = LookUp("host", 1935, ask)
    for _ in range(2):
        assert look_up.targets(time.monotonic() + PATIENCE_SECONDS, lambda: False) == FOUND
    assert asked == [("host", 1935)] * 2


def test_a_name_that_does_not_resolve_is_an_error_each_time() -> None:
    look_up = LookUp("nowhere.invalid", 1935)
    for _ in range(2):
        with pytest.raises(socket.gaierror):
            look_up.targets(time.monotonic() + PATIENCE_SECONDS, lambda: False)


def test_name_servers_that_do_not_answer_hold_up_nobody_and_there_is_one_question_at_a_time() -> None:
    #  1st  asks ── too late │           2nd  waits for the same answer ── gets it
    asked: list[str] = []
    answers = threading.Event()

    def ask(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        answers.wait(PATIENCE_SECONDS)
        return FOUND

    look_up = LookUp("host", 1935, ask)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            look_up.targets(time.monotonic(), lambda: False)
    with pytest.raises(TimeoutError):
        look_up.targets(time.monotonic() + PATIENCE_SECONDS, lambda: True)
    answers.set()
    assert look_up.targets(time.monotonic() + PATIENCE_SECONDS, lambda: False) == FOUND
    assert asked == ["host"]


def test_a_host_without_addresses_is_an_error() -> None:
    with pytest.raises(OSError, match="no address"):
        LookUp("host", 1935, lambda *_, **__: []).targets(time.monotonic() + PATIENCE_SECONDS, lambda: False)
