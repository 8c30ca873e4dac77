"""Sinks are found by name, or anywhere by their module and class."""

import pytest

from sinks import SINKS, build
from sinks.jsonl import Jsonl
from sinks.mqtt import Mqtt
from stream_processor.contracts import Sink
from stream_processor.errors import SettingsError
from stream_processor.records import Event


class Outside:
    def __init__(self, level: int) -> None:
        self.level = level

    async def __aenter__(self) -> "Outside":
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    async def deliver(self, event: Event) -> None:
        pass


@pytest.mark.parametrize(
    ("kind", "options", "made"),
    [
        ("jsonl", {"folder": "clips"}, Jsonl),
        ("mqtt", {"url": "mqtt://host", "prefix": "clips", "keepalive_seconds": 10}, Mqtt),
        ("tests.sinks.test_table:Outside", {"level": 3}, Outside),
    ],
)
def test_a_sink_is_built_with_its_options(kind: str, options: dict[str, object], made: type) -> None:
    sink = build("mine", kind, options)
    assert isinstance(sink, made)
    assert isinstance(sink, Sink)


def test_every_sink_of_the_table_is_there() -> None:
    assert set(SINKS) == {"jsonl", "mqtt"}


@pytest.mark.parametrize(
    ("kind", "options", "error"),
    [
        ("mqt", {}, r"sinks\.mine\.kind: unknown kind 'mqt', did you mean 'mqtt'"),
        ("no.such:Sink", {}, r"sinks\.mine\.kind: cannot load"),
        ("tests.sinks.test_table:Outside", {"volume": 3}, r"sinks\.mine\.options: .*volume"),
    ],
)
def test_what_cannot_be_built_is_one_line_with_the_setting(kind: str, options: dict[str, object], error: str) -> None:
    with pytest.raises(SettingsError, match=error):
        build("mine", kind, options)
